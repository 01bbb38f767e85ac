#!/bin/sh
# Who can write to the queues' Redis could note an epoch of the ledger there that begins in the future: every start was
# LEDGER_LOST, and `ledger init` could begin none that was young enough. What nobody can have seen is not believed; a
# note that may be true counts as ever.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
note() { rcli --raw get resque:stockade:ledger; }

push files "$(sign ChecksumFile '["x.txt"]')"
rcli set resque:stockade:ledger '0123456789abcdef0123456789abcdef 9999999999999 9999999999999' >/dev/null
worker_drain
check "a worker starts beside a forged note, and its job runs" eq "$RC $(rcli get resque:stat:processed)" "0 1"
check "it is told by name" grep -aq '"event.reason":"LEDGER_COPY_FORGED"' "$T/log"
check "and counted" grep -aq '"stockade.count.ledger_copies_forged":1' "$T/log"
check "the note is the ledger's own again" has "$(note)" "$(lcli hget resque:stockade:epoch id)"

# --- the control: another epoch, as young as one that was really begun
rcli set resque:stockade:ledger "0123456789abcdef0123456789abcdef $(($(date +%s) * 1000 + 2000)) $(($(date +%s) * 1000))" >/dev/null
worker_drain
check "a note that may be true: LEDGER_LOST, 69" eq "$RC" 69
sleep 2
"$STOCKADE" ledger init --min-iat 0 --config "$T/stockade.conf" >/dev/null
: >"$T/log"
push files "$(sign ChecksumFile '["x.txt"]')"
worker_drain
check "and ledger init ends it" eq "$RC $(rcli get resque:stat:processed)" "0 2"
check "without a word of forgery" hasnt "$(cat "$T/log")" LEDGER_COPY_FORGED

# --- while the ledger is lost a worker looks at each beat: what it said of one note it does not say again
: >"$T/log"
worker_start
await 30 logged worker.started
lcli del resque:stockade:epoch >/dev/null
push files "$(sign ChecksumFile '["x.txt"]')" # what it tries to note shows that the ledger is lost
await 60 logged ledger.unfit
rcli set resque:stockade:ledger '0123456789abcdef0123456789abcdef 9999999999999 9999999999999' >/dev/null
await 30 logged ledger.copy_forged
sleep 2
rcli set resque:stockade:ledger '0123456789abcdef0123456789abcdef 9999999999998 9999999999998' >/dev/null
twice() { [ "$(events ledger.copy_forged)" -ge 2 ]; }
await 30 twice
sleep 1
worker_stop
check "each note that is not believed is told once" eq "$(events ledger.copy_forged)" 2
