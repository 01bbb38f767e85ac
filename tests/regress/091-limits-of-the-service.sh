#!/bin/sh
# Limits that a service was started with are named as such. Without a process to try them in every layer
# was "missing", uid 0 was made up, and the cure was to go on without Landlock; a lower hard limit was "a
# runtime's filter"; too few descriptors were another version's cage program.
. tests/stage.sh
stage_up
trap stage_down EXIT
command -v prlimit >/dev/null || { echo "ok - limits of the service # SKIP install util-linux"; exit 0; }
printf 'x\n' >"$T/inputs/x.txt"

under() { # under LIMIT COMMAND...: its words in $T/out, its code in $RC
	limit=$1
	shift
	# by a pipe: a file of ours would be bounded as well
	words=$(timeout 60 prlimit "--$limit" "$@" --config "$T/stockade.conf" 2>&1)
	RC=$?
	printf '%s\n' "$words" >"$T/out"
}
row() { grep -E "^$1 +$2 +$3 " -A1 "$T/out"; } # row GRADE AREA NAME, and the line below it

# none of this uid beside the one that runs it
under nproc=1 "$STOCKADE" doctor
check "no process can be made: refused" eq "$RC" 4
check "every layer says so" has "$(row REFUSE layer seccomp_trap)" "no process could be made (EAGAIN)"
check "nobody is called uid 0" hasnt "$(row REFUSE layer uid)" "this is uid 0"
check "the cure is the number of processes" has "$(row REFUSE layer uid)" "ulimit -u"
check "what could not be looked at is no empty list" has "$(cat "$T/out")" "not looked at: classes"
check "and no ABI of Landlock is made up" has "$(head -1 "$T/out")" "Landlock ABI 0"
check "and not to go without Landlock" hasnt "$(cat "$T/out")" "landlock_fs = \"prefer\""

under nofile=24 "$STOCKADE" doctor
check "too few descriptors: refused" eq "$RC" 4
check "the number is named" has "$(row REFUSE files cage)" "may hold 24 descriptors"
check "and not another version" hasnt "$(cat "$T/out")" "of this version"
under nofile=24 "$STOCKADE" work
check "work says the same" has "$(cat "$T/out")" "LimitNOFILE"

under fsize=4096 "$STOCKADE" doctor
check "no room for a worker's page: refused" eq "$RC" 4
check "by name" has "$(row REFUSE host file_size)" "LimitFSIZE"
under fsize=4096 "$STOCKADE" work
check "work, too" has "$(cat "$T/out")" "LimitFSIZE"
under fsize=0 "$STOCKADE" doctor
check "no file at all" has "$(row REFUSE layer rlimit_fsize)" "EFBIG (this service may write no file)"

under memlock=0 "$STOCKADE" doctor
check "no locked memory: memfd_secret says why" sh -c "grep -E '^(ok|off) +layer +memfd_secret' '$T/out' | grep -qE 'seen to work|may lock no memory|does not know it'"

# lower limits than a trial sets are no missing layer: jobs run within them
for limit in cpu=3 stack=65536 sigpending=0; do
	under "$limit" "$STOCKADE" doctor
	check "$limit: no layer is missing" hasnt "$(cat "$T/out")" "REFUSE  layer"
done
push files "$(sign ChecksumFile '["x.txt"]')"
under stack=65536 env INTERVAL=0 "$STOCKADE" work
check "and a job runs" has "$(cat "$T/out")" '"stockade.outcome.Done":1'
