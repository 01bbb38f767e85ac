#!/bin/sh
# What a service manager is told (sd_notify): that the service works, that it lives, that it goes; and that one who
# does not listen holds nobody up.
. tests/stage.sh
stage_up
trap 'stage_down; [ -z "${MANAGER:-}" ] || { kill -CONT "$MANAGER"; kill "$MANAGER"; } 2>/dev/null' EXIT
printf 'x\n' >"$T/inputs/x.txt"
heard() { grep -ac "$1" "$T/heard"; }
heard_at_least() { [ "$(heard "$1")" -ge "$2" ]; }
manager() { # manager NAME
	: >"$T/heard"
	"$B/test/stockade-manager" "$1" >"$T/heard" &
	MANAGER=$!
	sleep 0.2
}
manager_gone() {
	kill -CONT "$MANAGER"
	kill "$MANAGER"
	wait "$MANAGER" 2>/dev/null
	MANAGER=
}
processed() { [ "$(rcli get resque:stat:processed)" = "$1" ]; }

manager "$T/notify"
export NOTIFY_SOCKET="$T/notify"
WATCHDOG_USEC=400000
export WATCHDOG_USEC
worker_start
check "once a worker is ready it is told" wait_for 30 heard_at_least '^READY=1 STATUS=Supervising 1 workers$' 1
check "and not before" logged worker.started
check "signs of life, twice as often as asked" wait_for 30 heard_at_least '^WATCHDOG=1$' 5

# --- a worker that dies and is replaced is no second start
one=$(children_of "$WORKER")
kill -KILL "$one"
wait_for 30 logged worker.restart
replaced() { [ "$(events worker.started)" -ge 2 ]; }
wait_for 30 replaced
check "a successor is no news for the manager" eq "$(heard READY=1)" 1

# --- a supervisor that stands still gives none: this is what the watchdog is for
kill -STOP "$WORKER"
sleep 0.5
before=$(heard WATCHDOG=1)
sleep 1
check "a stopped supervisor gives no sign" eq "$(heard WATCHDOG=1)" "$before"
kill -CONT "$WORKER"
check "and does again when it goes on" wait_for 30 heard_at_least WATCHDOG=1 $((before + 2))

# --- a manager that does not read: the socket's queue holds a few, then nothing fits
kill -STOP "$MANAGER"
sleep 4 # more signs than a queue of datagrams holds
push files "$(sign ChecksumFile '["x.txt"]')"
check "a manager that does not read holds up no job" wait_for 30 processed 1
kill -CONT "$MANAGER"
before=$(heard WATCHDOG=1)
check "signs go on when it does" wait_for 30 heard_at_least WATCHDOG=1 $((before + 2))
worker_stop
check "it is told that the service goes" eq "$RC $(heard '^STOPPING=1 STATUS=Draining$')" "0 1"

# --- the manager is gone
worker_start
wait_for 30 heard_at_least READY=1 2
manager_gone
push files "$(sign ChecksumFile '["x.txt"]')"
check "without its manager the service goes on" wait_for 30 processed 2
worker_stop
check "and ends well" eq "$RC" 0

# --- an abstract name; signs of life that are asked of another process
NOTIFY_SOCKET=@stockade-test-$$
WATCHDOG_PID=1
export WATCHDOG_PID
manager "$NOTIFY_SOCKET"
worker_start
check "an abstract name" wait_for 30 heard_at_least READY=1 1
sleep 1
check "no signs where another process is meant" eq "$(heard WATCHDOG=1)" 0
worker_stop
unset WATCHDOG_PID

# --- what never works is never told to
: >"$T/heard"
worker_start --redis "unix://$T/nobody"
wait "$WORKER"
RC=$?
check "without Redis at start: 69, and never ready" eq "$RC $(heard READY=1)" "69 0"
manager_gone

for name in relative "$T/nobody" @; do
	: >"$T/log"
	NOTIFY_SOCKET=$name worker_drain
	check "NOTIFY_SOCKET=${name##*/}: 71" eq "$RC" 71
	check "with a reason and what to do" grep -aq 'NOTIFY_SOCKET: cannot tell the service manager: .*; run it as Type=exec' "$T/log"
done
unset NOTIFY_SOCKET
worker_drain
check "control: without a manager" eq "$RC" 0
