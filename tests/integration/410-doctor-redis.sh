#!/bin/sh
# doctor on Redis: each exposure is provoked on a real server, told, and gone when it is mended.
. tests/stage.sh
stage_up
trap 'stage_down; [ -z "$OTHER" ] || kill "$OTHER" 2>/dev/null' EXIT
OTHER=

doctor() {
	"$@" "$STOCKADE" doctor --json --config "$T/stockade.conf" >"$T/json" 2>"$T/err"
	RC=$?
	sed 's/{"grade"/\n&/g' "$T/json" | grep '"area":"redis"' >"$T/out"
}
row() { # row NAME GRADE
	grep -qF "{\"grade\":\"$2\",\"area\":\"redis\",\"name\":\"$1\"" "$T/out" ||
		{ grep "\"name\":\"$1\"" "$T/out"; cat "$T/err"; return 1; }
}
says() { grep "\"name\":\"$1\"" "$T/out" | grep -qF "$2" || { grep "\"name\":\"$1\"" "$T/out"; return 1; }; }
hushed() { ! grep -q "\"name\":\"$1\"" "$T/out"; }

rcli config set appendonly no >/dev/null
doctor env
check "a unix socket" row transport ok
check "the user default" row user WARN
check "elements of half a gigabyte" row proto-max-bulk-len WARN
check "no append-only file" row persistence WARN
check "noeviction" row eviction ok
check "the clock of the same machine" row clock ok
check "room for connections" row maxclients ok

rcli config set proto-max-bulk-len 1mb >/dev/null
rcli config set appendonly yes >/dev/null
rcli config set maxmemory-policy allkeys-lru >/dev/null
doctor env
check "elements of a megabyte" row proto-max-bulk-len ok
check "an append-only file" row persistence ok
check "an eviction policy" row eviction WARN
check "by its name" says eviction allkeys-lru
rcli config set maxmemory 3mb >/dev/null
for i in 1 2 3 4 5 6 7 8; do
	head -c 300000 /dev/zero | tr '\0' x | rcli -x set "fill:$i" >/dev/null 2>&1
done
doctor env
check "memory near its end" row memory WARN
rcli config set maxmemory 1mb >/dev/null 2>&1
rcli set one two >/dev/null 2>&1
doctor env
check "keys that were thrown away" row evicted WARN
rcli config set maxmemory 0 >/dev/null
rcli config set maxmemory-policy noeviction >/dev/null
rcli config set maxclients 30 >/dev/null
doctor env
check "too few connections" row maxclients WARN
rcli config set maxclients 1000 >/dev/null
EXTRA='concurrency = 256;' write_config
doctor env
check "too few for so many workers" row maxclients WARN
check "the sum is told" says maxclients "1024 connections for 256 workers with 2 queues"
EXTRA='' write_config

# --- users
rcli acl setuser taker on '>x' '~resque:queue:*' '+lpop' '+rpush' >/dev/null
rcli acl setuser web on '>x' '%W~resque:queue:files' '+rpush' >/dev/null
rcli acl setuser open on nopass '~resque:queue:low' '+rpush' >/dev/null
rcli acl setuser retired off '>x' '~*' '+@all' >/dev/null
rcli acl setuser elsewhere on '>x' '~other:*' '+@all' >/dev/null
rcli acl setuser 'evil[31m"\' on '>x' '~*' '+@all' >/dev/null
printf 'geheim\n' >"$T/secret/pw"
chmod 400 "$T/secret/pw"
rcli acl setuser worker on '>geheim' '~*' '&*' '+@all' >/dev/null
EXTRA="redis_user = \"worker\"; redis_password_file = \"$T/secret/pw\";" write_config
doctor env
check "a user of its own" row user ok
check "the default user may take and needs no password" row "user default" WARN
check "is told so" says "user default" "needs no password"
check "one that takes" row "user taker" WARN
check "with the queues" says "user taker" "files, low"
check "a producer that only pushes" row "user web" ok
check "with its queue alone" says "user web" "may push to files and no more"
check "one that pushes without a password" row "user open" WARN
check "who is off is not told" hushed "user retired"
check "who may write elsewhere is not told" hushed "user elsewhere"
check "a name that means harm is shown as plain text" row 'user evil[31m\"\\' WARN
chmod 444 "$T/secret/pw"
doctor env
check "a password file that all may read" grep -q '"grade":"WARN","area":"files","name":"password_file"' "$T/json"
chmod 400 "$T/secret/pw"
rcli acl setuser worker -acl >/dev/null
doctor env
check "without a look at the users that is told" row users WARN
rcli acl setuser worker reset on '>geheim' '~resque:*' +auth +select '+client|setname' +getrange >/dev/null
doctor env
check "a user who may ask nothing: the clock is not told" says clock "not told"
check "nor INFO" row info WARN
check "but nothing is refused" test "$RC" -le 3
printf 'falsch\n' >"$T/secret/pw2"
EXTRA="redis_user = \"worker\"; redis_password_file = \"$T/secret/pw2\";" write_config
doctor env
check "a wrong password: refused" row connect REFUSE
check "with 4" eq "$RC" 4
EXTRA='' write_config

# --- the link
address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -v : | head -1)
if [ -n "$address" ]; then
	port=$(free_port)
	redis-server --port $port --bind 127.0.0.1 "$address" --protected-mode no --save '' --dir "$T" --daemonize no >/dev/null 2>&1 &
	OTHER=$!
	await 10 redis-cli -h "$address" -p $port ping
	EXTRA='' write_config
	"$STOCKADE" doctor --json --config "$T/stockade.conf" --redis "redis://$address:$port" >"$T/json" 2>&1
	sed 's/{"grade"/\n&/g' "$T/json" | grep '"area":"redis"' >"$T/out"
	check "TCP to an address that is not loopback" row transport WARN
	"$STOCKADE" doctor --json --config "$T/stockade.conf" --redis "redis://127.0.0.1:$port" >"$T/json" 2>&1
	sed 's/{"grade"/\n&/g' "$T/json" | grep '"area":"redis"' >"$T/out"
	check "TCP on this host" row transport ok
	redis-cli -p $port config set requirepass geheim >/dev/null
	doctor env REDIS_URL="redis://:geheim@127.0.0.1:$port"
	check "a password in REDIS_URL is moved and told" grep -q 'REDIS_URL carried the password' "$T/json"
	check "and used" row transport ok
	check "and not shown" sh -c "! grep -q geheim '$T/json' '$T/err'"
else
	echo "ok - TCP to another host # SKIP needs an address that is not loopback"
fi
redis_kill
doctor env
check "Redis away: refused" row connect REFUSE
