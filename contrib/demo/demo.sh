#!/bin/sh
# make demo: a private Redis, real files, generated keys; good jobs, jobs that must not run, and
# hostile handlers in a cage program of their own. Prints what was expected and what happened, then
# `failed` as an operator sees it. Ends non-zero on any surprise.
set -u
B=${B:-build}
if [ -t 1 ]; then
	bold=$(printf '\033[1m') red=$(printf '\033[31m') green=$(printf '\033[32m') dim=$(printf '\033[2m') off=$(printf '\033[0m')
else
	bold='' red='' green='' dim='' off=''
fi
say() { printf '%s%s%s\n' "$bold" "$*" "$off"; }

say "building"
make --no-print-directory -j"$(nproc)" B="$B" tests >"${TMPDIR:-/tmp}/stockade-demo-build.$$" 2>&1 || {
	tail -30 "${TMPDIR:-/tmp}/stockade-demo-build.$$"
	echo "demo: the build failed; the whole output is above" >&2
	exit 70
}
rm -f "${TMPDIR:-/tmp}/stockade-demo-build.$$"
export B
. tests/stage.sh
stage_up
trap stage_down EXIT
trap 'exit 130' INT TERM
START=$(date +%s)
HOSTILE=$PWD/$B/test/hostile-cage

# --- real input: the files of this tree and of this system, and measurements as CSV
say "real input: files of this system, CSV files made from them"
for f in "$B/stockade" "$B/stockade-cage" /etc/services /etc/protocols /usr/share/common-licenses/* LICENSE README.md \
	Makefile worker/*.c sandbox/*.c; do
	[ -f "$f" ] && [ "$(ls "$T/inputs" | wc -l)" -lt 36 ] && cp "$f" "$T/inputs/$(basename "$f")" 2>/dev/null
done
find /usr/bin /usr/lib -maxdepth 2 -type f 2>/dev/null | head -400 | while read -r f; do
	echo "$(basename "$f"),$(wc -c <"$f" 2>/dev/null || echo 0),$(stat -c %Y,%a "$f" 2>/dev/null || echo 0,0)"
done | sed 's/"//g' | { echo 'name,bytes,mtime,mode'; cat; } >"$T/inputs/system.csv"
for i in 1 2 3 4 5 6 7 8 9 10 11; do
	awk -v n="$((i * 20000))" -v s="$i" 'BEGIN { srand(s); print "t,celsius,note"; for (k = 0; k < n; k++) printf "%d,%.3f,\"ok, no. %d\"\r\n", k, 15 + 10 * rand(), k }' >"$T/inputs/series-$i.csv"
done
printf 'a,b\n1,2\n3\n' >"$T/inputs/ragged.csv"

# --- the table: name | queue | expected | key to find it in the log
table=$T/table
: >"$table"
put() { # put NAME QUEUE EXPECTED PAYLOAD: found again in the log by the payload's SHA-256
	sum=$(printf '%s' "$4" | sha256sum | cut -d' ' -f1)
	push "$2" "$4"
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$sum" >>"$table"
}
sign_as() { # sign_as KID QUEUE CLASS ARGS [options...]
	kid=$1 queue=$2 class=$3 args=$4
	shift 4
	"$STOCKADE" sign --key "$T/keys/$kid.key" --kid "$kid" --aud "$AUD" --queue "$queue" --class "$class" "$@" "$args"
}

say "keys: web-1 may enqueue ChecksumFile and CsvSummary; mallory signs with a key of her own"
"$STOCKADE" keys generate --kid mallory --principal mallory --out "$T/keys" >/dev/null
sign_as web-1 files ChecksumFile '["LICENSE"]' --ttl 1s >"$T/expired"

say "enqueueing"
for f in "$T"/inputs/*; do
	name=$(basename "$f")
	case $name in
	*.csv) ;;
	*) put "ChecksumFile $name" files Done "$(sign_as web-1 files ChecksumFile "[\"$name\"]")" ;;
	esac
done
for f in "$T"/inputs/s*.csv; do
	name=$(basename "$f")
	put "CsvSummary $name" files Done "$(sign_as web-1 files CsvSummary "[\"$name\"]")"
done
good=$(sign_as web-1 files ChecksumFile '["LICENSE"]')
ran=$(sign_as web-1 files ChecksumFile '["LICENSE"]')
put "replayed: a job that already ran, copied" files R_REPLAY_DONE "$ran"
push files "$ran"
put "a CSV with a ragged row" files Failed "$(sign_as web-1 files CsvSummary '["ragged.csv"]' --runs 1)"
put "unsigned: plain Resque arguments" files E_UNSIGNED '{"class":"ChecksumFile","args":["LICENSE"]}'
put "forged: signed by another key as web-1" files E_SIGNATURE "$("$STOCKADE" sign --key "$T/keys/mallory.key" --kid web-1 --aud "$AUD" --queue files --class ChecksumFile '["LICENSE"]')"
put "forged: one argument changed" files E_SIGNATURE "$(echo "$good" | sed 's/LICENSE/PASSWD_/')"
put "a key nobody knows" files E_KEY_UNKNOWN "$(sign_as mallory files ChecksumFile '["LICENSE"]')"
put "moved to another queue" low E_QUEUE_MISMATCH "$good"
put "put under another class" files E_CLASS_MISMATCH "$(echo "$good" | sed 's/"class":"ChecksumFile"/"class":"CsvSummary"/')"
put "a class the policy does not grant" files E_POLICY_DENIED "$(sign_as web-1 files DropTables '[]')"
put "a class that is not compiled in" files D_CLASS_ABSENT "$(sign_as web-1 files NotCompiledIn '[]')"
put "expired" files E_EXPIRED "$(cat "$T/expired")"
put "bad arguments: a number for a name" files E_SCHEMA "$(sign_as web-1 files ChecksumFile '[42]')"
put "bad arguments: one key twice" files E_ARGS_JSON "$(sign_as web-1 files ChecksumFile '["LICENSE",{"a":1,"a":2}]')"
put "not JSON" files E_OUTER_JSON 'eval(`rm -rf /`)'
put "a nesting bomb of 50 000 brackets" files E_UNSIGNED "{\"class\":\"ChecksumFile\",\"args\":[$(awk 'BEGIN { for (i = 0; i < 50000; i++) printf "[" }')"
awk 'BEGIN { printf "{\"class\":\"ChecksumFile\",\"args\":[\""; for (i = 0; i < 200000; i++) printf "A"; printf "\"]}" }' >"$T/huge"
rcli -x rpush resque:queue:files <"$T/huge" >/dev/null
printf 'an element of 200 KB\tfiles\tE_TOO_LARGE\t-\n' >>"$table"

# --- hostile handlers: signed, granted and compiled into a cage program that only the tests have.
# A planted secret, the Redis password, is what the last three look for; they get it masked, so that
# a search does not find itself.
secret=$(dd if=/dev/urandom bs=64 count=1 2>/dev/null | sha256sum | cut -c1-16)
masked=
for byte in $(printf '%s' "$secret" | od -An -v -tu1); do masked=$masked$(printf '%02x' $((byte ^ 90))); done
printf '%s\n' "$secret" >"$T/secret/redis"
chmod 400 "$T/secret/redis"
rcli config set requirepass "$secret" >/dev/null
REDISCLI_AUTH=$secret
export REDISCLI_AUTH
mkdir "$T/scratch"
EXTRA="redis_password_file = \"$T/secret/redis\"; ceiling = { wall = \"8s\"; };"
write_config
sed "s|directories = {|directories = { scratch = \"$T/scratch\";|; s|\"files\", \"low\"|\"hostile\"|; s|^cage = .*|cage = \"$HOSTILE\";|" \
	"$T/stockade.conf" >"$T/hostile.conf"
(CAGE=$HOSTILE EXTRA=''; hostile_lines) >>"$T/hostile.conf" # what its classes are handed
sed '/^#/d' >"$T/hostile" <<EOF
# class|expected|what it tries|arguments
Hostile::ForkBomb|SyscallDenied|a fork bomb|[]
Hostile::AllocUnchecked|MemoryLimit|takes 1 GB of memory|[]
Hostile::EndlessLoop|CpuLimit|loops for ever|["60"]
Hostile::SleepLong|WallTimeout|sleeps for ever|["60"]
Hostile::ReadPasswd|SyscallDenied|reads /etc/passwd|[]
Hostile::ReadPasswdGranted|Failed|reads /etc/passwd with a files grant|[]
Hostile::OpenSocket|SyscallDenied|opens a socket|[]
Hostile::RunShell|SyscallDenied|starts a shell|[]
Hostile::WriteOutside|SyscallDenied|writes with a grant to read|["$T/outside"]
Hostile::WriteElsewhere|Failed|writes outside of its grant|["$T/outside"]
Hostile::OutputFlood|OutputLimit|floods its output|[]
Hostile::ExitZero|NoResult|exits 0 without a result|[]
Hostile::StackOverflow|StackOverflow|recurses for ever|[]
Hostile::MapCode|SyscallDenied|maps writable code|[]
Hostile::ReportForger|ReportMalformed|forges its report|[]
Hostile::FindSecret|Failed|looks for the Redis password in its memory|["$masked","memory"]
Hostile::FindSecret|Failed|looks for it in /proc|["$masked","proc"]
Hostile::FindSecret|Failed|looks for it in its descriptors|["$masked","fds"]
EOF
write_policy ", $(cut -d'|' -f1 "$T/hostile" | sort -u | sed 's/.*/"&"/' | paste -sd, -)"
while IFS='|' read -r class expected what args; do
	put "$what" hostile "$expected" "$(sign_as web-1 hostile "$class" "$args" --runs 1)"
done <"$T/hostile"

# --- work: one worker on the product's cage, one on the hostile cage; both end when the queues are empty
say "working"
sleep 1 # the expired job expires
worker_drain
[ "$RC" = 0 ] || { echo "demo: the worker ended with $RC" >&2; tail -5 "$T/log" >&2; exit 70; }
mv "$T/stockade.conf" "$T/product.conf" && mv "$T/hostile.conf" "$T/stockade.conf"
worker_drain
[ "$RC" = 0 ] || { echo "demo: the worker on the hostile cage ended with $RC" >&2; tail -5 "$T/log" >&2; exit 70; }

# --- what happened
# verdicts: sha256 TAB reason TAB ms TAB message, from the log lines that decide a job
grep -aE '"event.action":"job.(finished|refused|deferred)"' "$T/log" | awk '
	function field(name, quoted,    re, s) {
		re = quoted ? "\"" name "\":\"([^\"\\\\]|\\\\.)*\"" : "\"" name "\":[0-9]+"
		if (!match($0, re)) return ""
		s = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
		return quoted ? substr(s, 2, length(s) - 2) : s
	}
	{
		sha = field("stockade.sha256", 1); reason = field("event.reason", 1)
		why = field("message", 1); sub("^" reason ": ", "", why); gsub(/\\"/, "\"", why)
		if (reason == "E_TOO_LARGE") sha = "-"
		printf "%s\t%s\t%s\t%s\n", sha, reason, field("stockade.wall_ms", 0), why
	}' >"$T/verdicts"

# a handler's own sentence stands in the failed record, beside the payload it speaks of
rcli lrange resque:failed 0 -1 | while IFS= read -r record; do
	payload=${record#*\"payload\":}
	payload=${payload%%,\"exception\":\"*}
	error=${record#*\",\"error\":\"}
	error=${error%%\",\"backtrace\":*}
	printf '%s\t%s\n' "$(printf '%s' "$payload" | sha256sum | cut -d' ' -f1)" "$error"
done >"$T/sentences"

# rows of many alike jobs become one
awk -F'\t' -v verdicts="$T/verdicts" -v sentences="$T/sentences" '
	BEGIN {
		while ((getline line < verdicts) > 0) { split(line, v, "\t"); got[v[1]] = v[2]; ms[v[1]] = v[3]; why[v[1]] = v[4] }
		while ((getline line < sentences) > 0) { split(line, v, "\t"); if (why[v[1]] ~ /what the handler said/) why[v[1]] = v[2] }
	}
	{
		g = ($4 in got) ? got[$4] : "(nothing)"
		if ($3 == "Done" && g == "Done") {
			split($1, w, " "); many[w[1]]++; total[w[1]] += ms[$4]
			if (many[w[1]] == 1) order[++n] = w[1]
			next
		}
		# a verdict without its own reason helps nobody at night
		own = why[$4] != "" && why[$4] !~ /what the handler said/
		rest[++r] = $1 "\t" $3 "\t" g "\t" why[$4] "\t" (ms[$4] == "" ? "-" : ms[$4]) "\t" (g == $3 && own ? "as expected" : "SURPRISE")
	}
	END {
		for (i = 1; i <= n; i++)
			print order[i] " of " many[order[i]] " real files\tDone\tDone\tall of them, each in its own cage\t" total[order[i]] "\tas expected"
		for (i = 1; i <= r; i++) print rest[i]
	}' "$table" >"$T/rows"
echo
printf '%s%-44s %-18s %-18s %7s  %s%s\n' "$bold" job expected verdict ms why "$off"
while IFS='	' read -r name expected verdict why ms surprise; do
	colour=$green
	[ "$surprise" = SURPRISE ] && colour=$red
	why=$(printf '%s' "$why" | cut -c1-200)
	printf '%-44.44s %-18s %s%-18s%s %7s  %s%s%s\n' "$name" "$expected" "$colour" "$verdict" "$off" "$ms" "$dim" "$why" "$off"
done <"$T/rows"

echo
say "failed, as an operator sees it (the last 12 of $(rcli llen resque:failed)):"
rcli lrange resque:failed -12 -1 | awk '
	function field(name,    re) {
		re = "\"" name "\":\"([^\"\\\\]|\\\\.)*\""
		return match($0, re) ? substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5) : ""
	}
	{ printf "  %-24s %-8s %-30s %s\n", field("failed_at"), field("queue"), field("exception"), substr(field("error"), 1, 100) }'
echo
say "and Resque's own numbers: processed $(rcli get resque:stat:processed), failed $(rcli get resque:stat:failed)"
left=$(rcli keys 'resque:stockade:in:*')
surprises=$(grep -c SURPRISE "$T/rows")
[ -z "$left" ] || { echo "demo: in flight after the end: $left" >&2; surprises=$((surprises + 1)); }
[ "$(rcli llen resque:queue:files)$(rcli llen resque:queue:low)$(rcli llen resque:queue:hostile)" = 000 ] || surprises=$((surprises + 1))
rows=$(wc -l <"$table")
if [ "$surprises" = 0 ]; then
	say "${green}$rows jobs, every one ended as expected, in $(($(date +%s) - START)) s${off}"
else
	say "${red}$surprises surprises among $rows jobs${off}"
	exit 1
fi
