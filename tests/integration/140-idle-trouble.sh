#!/bin/sh
# What keeps a worker from blocking is said by name; it polls meanwhile, loses nothing, and blocks
# again when the trouble is over.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
# a job of its own each time: a copy of one that ran would be a replay
fresh() { # fresh QUEUE: pushes it and leaves it in $one
	one=$(sign ChecksumFile '["x.txt"]')
	push "$1" "$one"
}

blocked() { rcli info clients | tr -d '\r' | sed -n 's/^blocked_clients://p'; }
blocked_is() { [ "$(blocked)" = "$1" ]; }
done_is() { [ "$(grep -ac '"event.reason":"Done"' "$T/log")" = "$1" ]; }
says() { grep -a '"event.action":"idle.polling"' "$T/log" | grep -aq "\"event.reason\":\"$1\""; }

# --- the permission to block is taken away, and what it needs to stop blocking
worker_start
check "it blocks" wait_for 10 blocked_is 2
rcli acl setuser default -blmove >/dev/null
check "NOPERM is named" wait_for 5 says NOPERM
check "once" eq "$(events idle.polling)" 1
fresh files
check "it polls instead" wait_for 5 done_is 1
rcli acl setuser default +@all >/dev/null
worker_stop
check "and ends with 0" eq "$RC" 0
: >"$T/log"
rcli acl setuser default '-client|unblock' >/dev/null
worker_start
check "without client|unblock it does not even begin to block" wait_for 10 says NOPERM
fresh files
check "it polls instead" wait_for 5 done_is 1
check "nothing blocks" eq "$(blocked)" 0
worker_stop
rcli acl setuser default +@all >/dev/null

# --- a full Redis refuses a pop that moves; reserve works all the same
: >"$T/log"
worker_start
check "it blocks" wait_for 10 blocked_is 2
fresh files
wait_for 5 done_is 1
# a push needs room: the job is parked first, so that only the worker moves it
rcli eval "redis.call('ZADD', 'resque:stockade:parked:files', ARGV[2], 'h') return redis.call('HSET', 'resque:stockade:parcel:files', 'h', ARGV[1])" 0 \
	"$(sign ChecksumFile '["x.txt"]')" $(($(date +%s) * 1000 + 2500)) >/dev/null
rcli config set maxmemory 1 >/dev/null
check "OOM is named" wait_for 5 says OOM
check "the job that comes due runs in a full Redis" wait_for 6 done_is 2
rcli config set maxmemory 0 >/dev/null
check "it blocks again" wait_for 8 blocked_is 2
fresh files
check "and is woken" wait_for 5 done_is 3

# --- links die
rcli client list | sed -n 's/^id=\([0-9]*\) .*cmd=blmove.*/\1/p' | while read -r id; do rcli client kill id "$id" >/dev/null; done
check "a broken link is named" wait_for 5 says LINK
check "it blocks again, through its own filter" wait_for 5 blocked_is 2
fresh files
check "and is woken" wait_for 5 done_is 4

# --- a script keeps Redis busy
w=$(children_of "$WORKER" | head -1)
rcli config set busy-reply-threshold 50 >/dev/null
rcli eval 'while true do end' 0 >/dev/null 2>&1 &
busy=$!
check "BUSY is named" wait_for 5 says BUSY
sleep 1.5
check "the worker sits it out" kill -0 "$w"
rcli script kill >/dev/null
wait $busy
fresh files
check "the same worker goes on" wait_for 5 done_is 5
check "it is the same one" eq "$(children_of "$WORKER" | head -1)" "$w"
check "and it blocks" wait_for 20 blocked_is 2

# --- the role changes
rcli replicaof 127.0.0.1 1 >/dev/null
check "UNBLOCKED is named" wait_for 5 says UNBLOCKED
rcli replicaof no one >/dev/null
fresh files
check "the job is done when Redis is a master again" wait_for 20 done_is 6
check "and it blocks" wait_for 20 blocked_is 2
worker_stop
check "exit 0" eq "$RC" 0

# --- Redis dies while a worker blocks
: >"$T/log"
worker_start
check "it blocks" wait_for 10 blocked_is 2
redis_kill
check "the supervisor lives on" kill -0 "$WORKER"
redis_again
fresh files
check "and a worker does the job" wait_for 30 done_is 1
check "and blocks" wait_for 10 blocked_is 2
worker_stop

# --- with a password
printf 's3cret-of-the-test\n' >"$T/secret/redis"
rcli config set requirepass s3cret-of-the-test >/dev/null
REDISCLI_AUTH=s3cret-of-the-test
export REDISCLI_AUTH
: >"$T/log"
EXTRA="redis_password_file = \"$T/secret/redis\";" write_config
worker_start
check "blocking links log in" wait_for 10 blocked_is 2
fresh files
check "and wake the worker" wait_for 5 done_is 1
rcli client list | sed -n 's/^id=\([0-9]*\) .*cmd=blmove.*/\1/p' | while read -r id; do rcli client kill id "$id" >/dev/null; done
check "and log in again" wait_for 8 blocked_is 2
worker_stop
check "exit 0" eq "$RC" 0
check "the password is in no log line" sh -c "! grep -aq s3cret '$T/log'"

# --- many queues
: >"$T/log"
many=$(seq -s, -f 'q%g' 1 16)
QUEUES=files,$many worker_start
check "more than sixteen queues are polled, said by name" wait_for 10 says MANY_QUEUES
fresh files
check "and worked on" wait_for 5 done_is 1
check "nothing blocks" eq "$(blocked)" 0
worker_stop
: >"$T/log"
QUEUES=$many worker_start
check "sixteen block" wait_for 10 blocked_is 16
worker_stop
check "TERM: 0" eq "$RC" 0
unset REDISCLI_AUTH

# --- what refuses the next pop, and not yet a reserve that finds nothing; a slow beat hears it last
redis_stop
redis_start
unset REDIS_URL
EXTRA='' write_config
sed -i 's/^beat = .*/beat = "10s";/' "$T/stockade.conf"
begin() { # begin: a worker that blocks, and a fresh log
	: >"$T/log"
	worker_start
	wait_for 10 blocked_is 2
	W=$(children_of "$WORKER" | head -1)
}
ends_well() { # a job runs, the worker is the same one, blocks again and ends with 0
	fresh files
	wait_for 20 done_is "${1:-1}" || return 1
	[ "$(children_of "$WORKER" | head -1)" = "$W" ] || return 1
	wait_for 20 blocked_is 2 || return 1
	worker_stop
	[ "$RC" = 0 ]
}
check "it blocks" begin
rcli config set min-replicas-to-write 1 >/dev/null
check "NOREPLICAS is named" wait_for 5 says NOREPLICAS
rcli config set min-replicas-to-write 0 >/dev/null
check "and over" ends_well

check "it blocks" begin
rcli config set save '3600 1' >/dev/null
rcli set dirty 1 >/dev/null
chmod 500 "$REDIS_DIR"
rcli bgsave >/dev/null
check "MISCONF is named" wait_for 10 says MISCONF
chmod 700 "$REDIS_DIR"
rcli config set stop-writes-on-bgsave-error no >/dev/null
check "and over" ends_well
rcli config set save '' >/dev/null

check "it blocks" begin
rcli replicaof 127.0.0.1 1 >/dev/null
check "READONLY is named, after UNBLOCKED" wait_for 10 says READONLY
check "UNBLOCKED too" says UNBLOCKED
rcli replicaof no one >/dev/null
check "and over" ends_well

check "it blocks" begin
mine=resque:stockade:in:$(rcli zrange resque:stockade:live 0 0):files
rcli set "$mine" oops >/dev/null
fresh files
check "WRONGTYPE is named" wait_for 5 says WRONGTYPE
check "and which key" wait_for 5 grep -aq 'STORE: resque:stockade:in:.*:files has another type' "$T/log"
check "the job stays in its queue" eq "$(rcli llen resque:queue:files)" 1
rcli del "$mine" >/dev/null
check "and over" ends_well 2

check "it blocks" begin
rcli script flush >/dev/null
check "forgotten scripts are loaded again, without a word" ends_well
check "nothing was polled for it" eq "$(events idle.polling)" 0

# --- a Redis without BLMOVE (before 6.2)
redis_stop
redis_start --rename-command BLMOVE ''
unset REDIS_URL
EXTRA='' write_config
: >"$T/log"
worker_start
check "a Redis without BLMOVE is polled, said by name" wait_for 10 says NO_BLMOVE
fresh files
check "and worked on" wait_for 5 done_is 1
sleep 1
check "said once" eq "$(events idle.polling)" 1
worker_stop
check "exit 0" eq "$RC" 0
