#!/bin/sh
# Every write of a whole worker life, seen by MONITOR: good, failing, refused, forged, over-size, parked,
# retried and handed-back jobs, a kill -9 and the recovery. Nothing outside the list below is written, and
# Resque's queues are touched only in the documented ways.
# The stage speaks to Redis in lower case and stockade in capitals: that is how MONITOR tells them apart.
. tests/stage.sh
EXTRA='max_payload = "4K";'
stage_up
trap '[ -z "$MONITOR" ] || kill "$MONITOR"; stage_down' EXIT
MONITOR=

# key (an extended regular expression below resque:), then the commands that may write it
cat >"$T/allowed" <<'E2'
queue:(files|low) LPOP LPUSH RPUSH BLMOVE
queues SADD
workers SADD SREM
workers:heartbeat HSET HDEL
worker:stage:[0-9]+:files,low SET DEL
worker:stage:[0-9]+:files,low:started SET DEL
stat:(processed|failed) INCRBY
stat:(processed|failed):stage:[0-9]+:files,low INCRBY DEL
failed RPUSH
pruning_dead_workers_in_progress SET
stockade:(live|graves) ZADD ZREM
stockade:wid HSET HDEL
stockade:w:[0-9a-f]+ HSET HDEL DEL
stockade:doing:[0-9a-f]+ HSET HDEL DEL PEXPIRE
stockade:in:[0-9a-f]+:(files|low) LPOP RPOP RPUSH BLMOVE
stockade:(lost|tries):[0-9]+ HINCRBY HDEL EXPIRE
stockade:parked:(files|low) ZADD ZREM
stockade:parkedby:web ZADD ZREMRANGEBYSCORE ZCOUNT PEXPIREAT
stockade:ledger SET
stockade:parcel:(files|low) HSET HDEL
stockade:(quarantine|unknownkey):(files|low)(#[A-Z_]+)? ZADD ZREM
stockade:(quarantine|unknownkey):(files|low)(#[A-Z_]+)?#e HSET HDEL DEL
stockade:quarantine:#count HINCRBY HSET HDEL
stockade:violated:web ZADD ZREM PEXPIRE
stockade:judged:web HINCRBY HSET HDEL PEXPIRE
stockade:quarantine:#note:[A-Z_]+:(files|low) SET
E2
reads='TYPE EXISTS GET GETRANGE STRLEN ZSCORE ZCARD ZRANGE ZRANGEBYSCORE HGET HMGET HGETALL HKEYS HVALS PTTL ZCOUNT HSTRLEN HEXISTS LINDEX LLEN LRANGE SMEMBERS SCARD SISMEMBER TTL TIME PING'
links='EVALSHA EVAL SCRIPT CLIENT SELECT AUTH HELLO MULTI EXEC INFO COMMAND'

rcli monitor >>"$T/monitor" 2>/dev/null &
MONITOR=$!
wait_for 5 grep -q OK "$T/monitor"

# --- a life
printf 'x\n' >"$T/inputs/x.txt"
rows_csv long.csv 6000000
push files "$(sign ChecksumFile '["x.txt"]')"
push files "$(sign ChecksumFile '["missing.txt"]' --runs 2)"
push files "$(sign ChecksumFile '[42]')"
push files '{"class":"ChecksumFile","args":["x.txt"]}'
push files "$(sign ChecksumFile '["x.txt"]' | sed 's/x.txt/y.txt/')"
push low "$(sign ChecksumFile '["x.txt"]')"
push low "$(head -c 5000 /dev/zero | tr '\0' x)"
push low 'no JSON'
push files "$(sign ChecksumFile '["x.txt"]' | sed 's/kid=web-1/kid=nobody/')"
push files "$(sign ChecksumFile '["missing.txt"]' --runs 3)"
worker_start
check "the first good job is done" wait_for 10 sh -c "[ \"\$(grep -ac '\"event.reason\":\"Done\"' '$T/log')\" -ge 1 ]"
push files "$(sign ChecksumFile '["x.txt"]' --not-before $(($(date +%s) + 5)))"
check "a delayed job is parked" wait_for 10 sh -c "grep -aq '\"event.reason\":\"D_NOT_BEFORE\"' '$T/log'"
check "a failing job is parked for another attempt" wait_for 10 grep -aq '"stockade.settled":"retry"' "$T/log"
# not to wait for its backoff
for handle in $(rcli zrange resque:stockade:parked:files 0 -1); do
	case $(rcli hget resque:stockade:parcel:files "$handle") in
	*missing.txt*) rcli zadd resque:stockade:parked:files XX 1 "$handle" >/dev/null ;;
	esac
done
check "the delayed job runs when due" wait_for 20 sh -c "[ \"\$(grep -ac '\"event.reason\":\"Done\"' '$T/log')\" -ge 2 ]"
check "the retried one is filed" wait_for 10 sh -c "[ \"\$(redis-cli -s '$REDIS_SOCK' get resque:stat:failed)\" = 3 ]"
printf '#kill\n' >>"$T/monitor"
push files "$(sign CsvSummary '["long.csv"]' --runs 5)"
check "a long job runs" wait_for 10 sh -c "grep -aq '\"message\":\"CsvSummary runs' '$T/log'"
kill -9 "$(children_of "$WORKER" | head -1)"
check "after kill -9 it is recovered" wait_for 15 logged worker.recovered
check "and starts again" wait_for 15 sh -c "[ \"\$(grep -ac '\"message\":\"CsvSummary runs' '$T/log')\" -ge 2 ]"
# it stands still, so that it cannot end before the second TERM
kill -STOP "$(sed -n 's/.*"event.action":"job.started".*"stockade.pid":\([0-9]*\).*/\1/p' "$T/log" | tail -1)"
printf '#end\n' >>"$T/monitor"
kill -TERM "$WORKER"
sleep 0.3
kill -TERM "$WORKER"
worker_stop
check "a second TERM hands it back" eq "$RC $(rcli llen resque:queue:files)" "0 1"
sleep 0.2
kill "$MONITOR" && wait "$MONITOR" 2>/dev/null
MONITOR=

# --- what was written: phase TAB script call TAB command TAB key...
awk -v reads="$reads" -v links="$links" '
	BEGIN { n = split(reads, a, " "); for (i = 1; i <= n; i++) quiet[a[i]]; n = split(links, a, " "); for (i = 1; i <= n; i++) quiet[a[i]]; phase = "life" }
	/^#/ { phase = substr($0, 2); next }
	!/^[0-9.]+ \[[0-9]+ / { next }
	{
		at = index($0, "] \""); line = substr($0, at + 3)
		lua = substr($0, 1, at) ~ / lua$/
		split(line, part, "\" \""); command = part[1]; sub(/"$/, "", command)
		if (!lua && command == "EVALSHA") call++
		if (command !~ /^[A-Z]+$/) { if (lua) print phase "\t" call "\t" command "\t?"; next }
		if (command in quiet) next
		n_parts = 0; for (i in part) n_parts++
		last = (command == "DEL" || command == "UNLINK") ? n_parts : command == "BLMOVE" ? 3 : 2
		for (i = 2; i <= last; i++) { key = part[i]; sub(/"$/, "", key); print phase "\t" call "\t" command "\t" key }
	}' "$T/monitor" >"$T/writes"
strays() { # writes that no line of the list allows
	awk -F'\t' -v allowed="$T/allowed" '
		BEGIN { while ((getline line < allowed) > 0) { split(line, w, " "); keys[++n] = "^resque:" w[1] "$"; sub(/^[^ ]+ /, "", line); commands[n] = " " line " " } }
		{
			for (i = 1; i <= n; i++) if ($4 ~ keys[i] && index(commands[i], " " $3 " ")) next
			print $3, $4
		}' "$T/writes" | sort -u
}
wrote() { awk -F'\t' -v p="$1" -v c="$2" -v k="^resque:$3\$" '$1 ~ p && $3 == c && $4 ~ k' "$T/writes" | wc -l; }
first() { grep -n "	$1	resque:$2\$" "$T/writes" | head -1 | cut -d: -f1; }
unused() { # lines of the list that nothing used, and that are not for other tests
	while read -r key commands; do
		case $key in pruning*|*tries*) continue ;; esac
		grep -qE "	resque:$key\$" "$T/writes" || echo "$key $commands"
	done <"$T/allowed"
}

check "the whole life was seen" test "$(wc -l <"$T/writes")" -gt 200
check "nothing outside the documented keys and commands was written" eq "$(strays)" ""
check "and every documented key was met, so the list is not idle" eq "$(unused)" ""
check "no queue is deleted, trimmed or forgotten" eq "$(grep -cE '	(DEL|UNLINK|LTRIM|LREM|SREM)	resque:queues?(:.*)?$' "$T/writes")" 0
# each return to a queue follows, in the same call of a script, the removal of that element elsewhere
orphans=$(awk -F'\t' '
	$2 != call { call = $2; held = due = back = 0 }
	$4 ~ /^resque:stockade:in:/ && $3 ~ /^[LR]POP$/ { held++ }
	$4 ~ /^resque:stockade:parcel:/ && $3 == "HDEL" { due++ }
	$4 ~ /^resque:queue:/ && $3 == "LPUSH" { back++; if (held-- <= 0) print "front", $0 }
	$4 ~ /^resque:queue:/ && $3 == "RPUSH" { back++; if (due-- <= 0) print "back", $0 }
	$4 == "resque:queues" { if (back-- <= 0) print "queues", $0 }' "$T/writes")
check "a job goes back to its queue only when the same call took it from a list of ours, to the back only when it was parked" eq "$orphans" ""
check "two parked jobs became due" eq "$(wrote . RPUSH 'queue:.*')" 2
check "recovery puts the job in hand back to the front" eq "$(wrote kill LPUSH 'queue:.*')" 1
# once more if a blocking pop had taken it again before the worker left
check "so does the hand-back at the end" test "$(wrote end LPUSH 'queue:.*')" -ge 1
check "the heartbeat is set before the id enters workers" test "$(first HSET workers:heartbeat)" -lt "$(first SADD workers)"
check "a stale heartbeat of the same id goes first" test "$(first HDEL workers:heartbeat)" -lt "$(first HSET workers:heartbeat)"
