#!/bin/sh
# The ACL users that SECURITY.md prints suffice: whole workers, doctor, shadow and quarantine run under those very
# lines and under the one that `ledger acl` prints; nothing is refused to anybody, as Redis itself counts it.
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
printf 'geheim\n' >"$T/secret/pw"
chmod 400 "$T/secret/pw"

# --- the lines as they stand in the page: a continuation is indented, >... is the password
sed -n '/^ACL SETUSER/,/^```/p' SECURITY.md | sed 's/>…/>geheim/' |
	awk '/^ACL SETUSER/ { if (line) print line; line = $0; next } /^    / { line = line " " $0; next } { if (line) print line; line = "" } END { if (line) print line }' |
	sed 's/   */ /g' >"$T/acl"
line_of() { grep "^ACL SETUSER $1 " "$T/acl"; }
for user in worker web viewer operator doctor ledger default; do
	check "SECURITY.md has one line for $user" eq "$(line_of "$user" | grep -c .)" 1
done
# every key that a script of the queues' Redis names; the ledger's have a user of their own
uncovered() {
	grep -hoE "S \.\. '[a-z]+:?" worker/scripts/*.lua | sed "s/.*'//; s/:\$/:x/" | sort -u | grep -vxE 'epoch|(l|rate|running):x' | while read -r key; do
		hit=
		for pattern in $(line_of worker | grep -oE '~resque:stockade:[^ ]+' | tr -d '~'); do
			# shellcheck disable=SC2254 # it is a pattern, for Redis too
			case resque:stockade:$key in $pattern) hit=1 ;; esac
		done
		[ -n "$hit" ] || echo "$key"
	done
}
check "the worker's line covers every key of its scripts" eq "$(uncovered)" ""
multi=$(sed -n 's/^With `failure_backend = "redis_multi_queue"` the worker also needs `\(.*\)`\.$/\1/p' SECURITY.md)
check "and the keys of the other failure backend" has "$multi" "resque:failed_queues"
# the page's line for the ledger and the command's are one
words() { tr ' ' '\n' | grep '^[+~%-]' | LC_ALL=C sort | tr '\n' ' '; }
check "the ledger's line is what \`ledger acl\` prints" eq "$(line_of ledger | words)" \
	"$("$STOCKADE" ledger acl --config "$T/stockade.conf" | words)"

# an administrator of the test's own, for the default user is off from now on
rcli acl setuser admin on '>admin' '~*' '&*' '+@all' >/dev/null
admin() { redis-cli -s "$REDIS_SOCK" --user admin --pass admin --no-auth-warning "$@"; }
# the ledger on the same Redis: its user has the command's line, with the digest of its password
"$STOCKADE" ledger acl --config "$T/stockade.conf" | admin >/dev/null
LEDGER_OWN=$LEDGER_SOCK
LEDGER_SOCK=$REDIS_SOCK
grep -v '^ACL SETUSER ledger ' "$T/acl" | admin >"$T/set" 2>&1
check "Redis takes every line" eq "$(sort -u "$T/set")" OK
check "and the default user is shut out" has "$(rcli ping 2>&1)" NOAUTH
LOGIN="redis_user = \"worker\"; redis_password_file = \"$T/secret/pw\";"
. tests/scrape.sh
config() { EXTRA="$LOGIN $METRICS ${1:-}" write_config; }
config
"$STOCKADE" ledger init --min-iat 0 --config "$T/stockade.conf" >"$T/init" 2>&1
check "the ledger begins with its own user" eq $? 0

denied() { admin --raw acl log 100 | awk '/^(reason|object|username)$/ { k = $0; getline; v[k] = $0 } k == "username" && v["username"] != "default" && v["object"] !~ /^command/ { print v["username"], v["reason"], v["object"]; k = "" }' | sort | uniq -c; }
# redis-cli asks for COMMAND DOCS by itself
nothing_denied() { d=$(denied); [ -z "$d" ] || { echo "$d"; return 1; }; }
put() { # put QUEUE PAYLOAD: as the producer does, in one transaction
	printf 'MULTI\nSADD resque:queues %s\nEXEC\n' "$1" | redis-cli -s "$REDIS_SOCK" --user web --pass geheim --no-auth-warning >/dev/null
	printf '%s' "$2" | redis-cli -s "$REDIS_SOCK" --user web --pass geheim --no-auth-warning -x rpush "resque:queue:$1" >/dev/null
}
reason() { grep -aq "\"event.reason\":\"$1\"" "$T/log"; }
admin acl log reset >/dev/null

# --- the worker: done with its result, failed, retried, refused, parked, deferred by its rate, recovered
rows_csv big.csv 6000000
sed -i 's/rate = "1000\/s"; burst = 1000;/rate = "1\/s"; burst = 3;/' "$T/policy.conf"
ran=$(sign ChecksumFile '["x.txt"]')
put files "$ran"
put files "$ran"
put files "$(sign ChecksumFile '["missing.txt"]' --runs 1)"
put files "$(sign ChecksumFile '["missing.txt"]' --runs 3)"
put files "$(sign ChecksumFile '["x.txt"]' | sed 's/x.txt/y.txt/')"
put files '{"class":"ChecksumFile","args":["x.txt"]}'
put files "$(sign ChecksumFile '["x.txt"]' --queue low)"
put files "$(sign NotCompiledIn '[]')"
for _ in 1 2 3 4; do put files "$(sign ChecksumFile '["x.txt"]')"; done
# late enough that a slow start is before it
put files "$(sign ChecksumFile '["x.txt"]' --not-before $(($(date +%s) + 12)))"
QUEUES=files worker_start
check "a worker starts under its line" wait_for 15 logged worker.started
put files "$(sign ChecksumFile '["x.txt"]' --not-before $(($(date +%s) + 6)))"
check "done" wait_for 10 reason Done
check "measured" wait_for 60 sh -c ". tests/stage.sh; T=$T; . tests/scrape.sh; http /metrics | grep -q '^stockade_queue_depth_jobs' && http /metrics | grep -q '^stockade_redis_rejected_connections_total'"
check "with its result" wait_for 5 grep -aq '"stockade.result_bytes":[1-9]' "$T/log"
check "failed, and filed" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' --user admin --pass admin --no-auth-warning lrange resque:failed 0 -1 | grep -c 'missing.txt')\" -ge 1 ]"
check "retried" wait_for 10 grep -aq '"stockade.settled":"retry"' "$T/log"
check "forged: refused" wait_for 10 reason E_SIGNATURE
check "unsigned: refused" wait_for 10 reason E_UNSIGNED
check "moved: refused" wait_for 10 reason E_QUEUE_MISMATCH
check "parked until it is due" wait_for 10 reason D_NOT_BEFORE
check "parked for a newer build" wait_for 10 reason D_CLASS_ABSENT
check "replayed: refused" wait_for 30 reason R_REPLAY_DONE
check "over its rate: parked" wait_for 10 reason D_RATE
check "parked jobs run in the end" wait_for 60 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' --user admin --pass admin --no-auth-warning zcard resque:stockade:parked:files)\" = 1 ]"
put files "$(sign CsvSummary '["big.csv"]')"
before=$(events job.started)
check "a long job starts" wait_for 20 sh -c "grep -a job.started '$T/log' | grep -aq CsvSummary"
kill -9 "$(children_of "$WORKER" | head -1)"
check "its worker dies: the successor recovers it" wait_for 20 logged worker.recovered
check "and runs it" wait_for 40 sh -c "[ \"\$(grep -ac job.started '$T/log')\" -gt $before ] && grep -a job.finished '$T/log' | grep -aq CsvSummary"
kill -HUP "$WORKER"
check "the policy is read again" wait_for 10 logged policy.reloaded
worker_stop
check "TERM drains: exit 0" eq "$RC" 0
check "Redis was never away" hasnt "$(cat "$T/log")" redis.away
check "nor the ledger" hasnt "$(cat "$T/log")" ledger.away
check "nothing was denied to anybody" nothing_denied

# --- patterns, more than one worker, the other failure backend
line_of worker | sed "s/\$/ $multi/" | admin >/dev/null
config 'concurrency = 2; failure_backend = "redis_multi_queue";'
put files "$(sign ChecksumFile '["missing.txt"]' --runs 1)"
: >"$T/log"
QUEUES=files worker_drain
check "failures by queue: drained" eq "$RC" 0
check "and filed there" eq "$(admin llen resque:files_failed)" 1
put files "$(sign ChecksumFile '["x.txt"]')"
QUEUES='f*' worker_drain
check "a pattern: drained" eq "$RC" 0
check "again nothing was denied" nothing_denied
config

# --- doctor
admin config set appendonly yes >/dev/null
admin config set proto-max-bulk-len 1mb >/dev/null
redis_rows() { sed 's/{"grade"/\n&/g' "$T/json" | grep '"area":"redis"' | grep -v '"grade":"ok"' | grep -v '"user admin"'; }
"$STOCKADE" doctor --json --queues files --config "$T/stockade.conf" --as doctor --as-password "$T/secret/pw" >"$T/json" 2>"$T/err"
check "doctor with the page's users finds nothing to say of Redis" eq "$(redis_rows)" ""
check "and nothing was denied" nothing_denied
"$STOCKADE" doctor --json --queues files --config "$T/stockade.conf" >"$T/json" 2>"$T/err"
check "as the worker it is not told two things, and warns of those alone" eq \
	"$(redis_rows | sed 's/.*"grade":"\([A-Z]*\)".*"name":"\([^"]*\)".*/\1 \2/' | sort | tr '\n' ' ')" "WARN proto-max-bulk-len WARN users "
check "with the way to be told" has "$(redis_rows)" "--as"
"$STOCKADE" doctor --json --queues files --config "$T/stockade.conf" --as nobody --as-password "$T/secret/pw" >"$T/json" 2>"$T/err"
check "another user who cannot log in is told" has "$(redis_rows)" WRONGPASS
admin acl log reset >/dev/null

# --- a person's commands
person() { # person USER COMMAND...
	who=$1
	shift
	env STOCKADE_REDIS_USER="$who" STOCKADE_REDIS_PASSWORD_FILE="$T/secret/pw" STOCKADE_CONFIG="$T/stockade.conf" "$STOCKADE" "$@" 2>&1
}
back=$(sign ChecksumFile '["x.txt"]')
put files "$back"
out=$(person viewer shadow --queue files --json)
check "shadow as viewer" has "$out" '"ACCEPT":1'
out=$(person viewer schema infer files ChecksumFile)
check "schema infer as viewer" eq $? 0
gone=00000000000000000000000000000001
admin set resque:stockade:result:$gone "{\"v\":1,\"job\":\"$gone\",\"class\":\"X\",\"result\":7}" >/dev/null
check "result as viewer" eq "$(person viewer result $gone)" 7
admin zadd resque:stockade:live 1 $gone >/dev/null
check "top as viewer" has "$(person viewer top --once)" "1 workers, 0 busy"
admin zrem resque:stockade:live $gone >/dev/null
out=$(person operator quarantine list)
check "quarantine list as operator" has "$out" "E_QUEUE_MISMATCH"
out=$(person operator quarantine list --queue files --reason E_QUEUE_MISMATCH)
check "the entries of an area" has "$out" "web-1"
out=$(person operator quarantine readmit --reason E_QUEUE_MISMATCH)
check "readmit judges, and leaves what is still refused" has "$out" "left"
id=$(admin --raw zrange 'resque:stockade:quarantine:files#E_QUEUE_MISMATCH' 0 0)
out=$(person operator quarantine drop --yes --id "$id")
check "drop" eq "$? $(admin zcard 'resque:stockade:quarantine:files#E_QUEUE_MISMATCH')" "0 0"
# refused by a policy, mended, put back
sed 's/"ChecksumFile", "CsvSummary"/"CsvSummary"/' "$T/policy.conf" >"$T/narrow.conf"
QUEUES=files worker_drain --policy "$T/narrow.conf"
out=$(person operator quarantine readmit --reason E_POLICY_DENIED)
# a retry may come due meanwhile, and be refused and put back beside it
check "readmit puts back" has "$(admin --raw lrange resque:queue:files 0 -1)" "$back"
check "nothing was denied to either" nothing_denied

# --- what a narrower line denies is named
line_of worker | sed 's/ ~resque:failed / /' | admin >/dev/null
admin del resque:queue:files >/dev/null
put files "$(sign ChecksumFile '["missing.txt"]' --runs 1)"
: >"$T/log"
QUEUES=files worker_start
check "a key that a script may not touch: NOPERM by name" wait_for 15 grep -aq '"event.reason":"NOPERM"' "$T/log"
check "and where its name stands" grep -aq 'ACL LOG' "$T/log"
line_of worker | admin >/dev/null
check "mended while it works: the job is settled" wait_for 20 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' --user admin --pass admin --no-auth-warning lrange resque:failed 0 -1 | grep -c 'missing.txt')\" -ge 2 ]"
worker_stop
LEDGER_SOCK=$LEDGER_OWN
