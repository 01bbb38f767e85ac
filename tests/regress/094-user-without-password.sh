#!/bin/sh
# A Redis user that was configured without a password file was not logged in at all: the worker stayed
# `default`, who may do everything, doctor said "logged in as" the other, and the ledger's own user was none.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
with() { sed "$1" "$T/stockade.conf" >"$T/x.conf"; }
work() { out=$(timeout 60 env INTERVAL=0 "$STOCKADE" work --config "$T/x.conf" 2>&1); RC=$?; }

write_config
with '$a redis_user = "nosuch";'
work
check "a user that there is not: 69" eq "$RC" 69
check "by Redis's own word" has "$out" WRONGPASS
check "with the settings" has "$out" redis_password_file
out=$("$STOCKADE" doctor --config "$T/x.conf" 2>&1)
check "doctor refuses" eq $? 4
check "and does not say that it logged in" hasnt "$out" "logged in as nosuch"

redis-cli -s "$REDIS_SOCK" acl setuser loose on nopass '~*' '&*' +@all >/dev/null
with '$a redis_user = "loose";'
push files "$(sign ChecksumFile '["x.txt"]')"
work
check "control: one that needs no password is logged in" eq "$RC" 0
check "and works" has "$out" '"stockade.outcome.Done":1'
check "as that user" sh -c "redis-cli -s '$REDIS_SOCK' acl setuser loose off >/dev/null; ! timeout 60 env INTERVAL=0 '$STOCKADE' work --config '$T/x.conf' >/dev/null 2>&1"

with '/ledger_password_file/d'
if grep -q ledger_user "$T/x.conf"; then
	work
	check "the ledger's user without its password: 69" eq "$RC" 69
	check "by its name and settings" has "$out" ledger_password_file
fi
out=$("$STOCKADE" doctor --config "$T/stockade.conf" --as nosuch 2>&1)
check "doctor --as of nobody does not ask as nobody" hasnt "$out" "nosuch asks from here on"
