#!/bin/sh
# stockade schema: check as the build checks, infer from a live queue without touching it, export for
# clients, docs for people; what looks into JSON is shut in first.
. tests/stage.sh
stage_up
trap stage_down EXIT
export STOCKADE_CONFIG="$T/stockade.conf"
schema() { "$STOCKADE" schema "$@" 2>&1; }

# --- check
check "a shipped schema is good, and shown" has "$(schema check jobs/checksum_file.schema.json)" "1. file: string, required, at least 1 characters, at most 255 characters"
printf '{ "type": "array",\n  "itemz": false }\n' >"$T/foo.schema.json"
check "a bad one is reported as the build reports it" eq "$(schema check "$T/foo.schema.json")" \
	"$("$B/stockade-schemac" check "$T/foo.schema.json" 2>&1)"
schema check "$T/foo.schema.json" >/dev/null
check "and the exit code is 1" eq "$?" 1
check "standard input works too" has "$(printf '{"type":"object"}' | schema check -)" 'say "type": "array"'
schema check "$T/none.json" >/dev/null
check "a file that is not there is exit code 66" eq "$?" 66
schema frobnicate >/dev/null
check "another word is exit code 64" eq "$?" 64

# --- export and docs
check "export of one class is its file, byte for byte" eq "$(schema export CsvSummary)" "$(cat jobs/csv_summary.schema.json)"
schema export >"$T/all.json"
check "export of all is one JSON object by class" has "$(cat "$T/all.json")" '"CsvSummary": {'
check "a class that is not compiled in is named" eq "$(schema export Nobody)" "stockade: there is no class Nobody"
check "docs as text" has "$(schema docs)" "ChecksumFile
  SHA-256 and size of one file"
check "docs as Markdown" has "$(schema docs --markdown ChecksumFile)" '| 1 | `file` | string, required | at least 1 characters, at most 255 characters | Path relative'

# --- infer
for i in 1 2 3 4; do
	push in "{\"class\":\"Mail\",\"args\":[\"u$i@example.org\",$i,{\"tags\":[\"a\"],\"note\":null}]}"
done
push in "$(sign ChecksumFile '["hello.txt"]')"
push in 'not json'
push in "{\"class\":\"Deep\",\"args\":$(awk 'BEGIN { for (i = 0; i < 3000; i++) printf "["; for (i = 0; i < 3000; i++) printf "]" }')}"
before=$(rcli lrange resque:queue:in 0 -1 | cksum)
schema infer in >"$T/inferred"
check "infer proposes a schema for each class seen" sh -c "grep -q '\"Mail\": {' '$T/inferred' && grep -q '\"ChecksumFile\": {' '$T/inferred'"
check "with a format, where all samples have it" grep -q '"format": "email"' "$T/inferred"
check "and the queue is untouched" eq "$(rcli lrange resque:queue:in 0 -1 | cksum)" "$before"
check "nothing else was written" eq "$(rcli dbsize)" 1
schema infer in Mail | awk '/^  "Mail": \{/ { on = 1; print "{"; next } on && /^  \}/ { print "}"; exit } on' >"$T/mail.schema.json"
check "what infer proposes is a schema that builds" has "$(schema check "$T/mail.schema.json")" "1. arg1: string, required, format email"
check "a queue with nothing to learn from says so" has "$(schema infer in Other)" "none is a job of class Other"
schema infer nothing >/dev/null
check "an empty queue is exit code 66" eq "$?" 66

# --- what others wrote, on a terminal
push evil '{"class":"E\u009b2J","args":["a",{"k\u202e\u001b[2J":1}]}'
check "infer: what a terminal would obey is escaped" has "$(schema infer evil)" '"k\u202e\u001B[2J": {'
check "in a class's name, too, and it is JSON" has "$(schema infer evil)" '"E\u009b2J": {'
head -c 400000 /dev/zero | tr '\0' 1 | sed 's/^/{"class":"Big","args":[/; s/$/]}/' >"$T/big"
rcli -x rpush resque:queue:evil <"$T/big" >/dev/null
push evil '{"class":"Mail","args":[1]}'
check "one that is too large is passed over, and said" has "$(schema infer evil)" "1 of 3 samples of queue evil are larger than 256 KiB; passed over"
check "the others count" has "$(schema infer evil)" '"Mail": {'
check "a name longer than any queue's is refused" has "$(schema infer "$(printf '%0600d' 0)")" "shorter than this one"
printf '{ "type": "array", "prefixItems": [ { "title": "m", "enum": [ "\\u009b" ], "description": "\\u202e" } ] }\n' >"$T/evil.schema.json"
check "docs: neither does a schema's text" eq "$(schema check "$T/evil.schema.json")" 'evil
  1. m: string, optional, one of [" "]
      '

# --- shut in: the same program, asked the same way, under a tracer's eye
check "the role answers by hand" has "$(printf 'docs text ChecksumFile\n' | "$CAGE" schema)" "ok
ChecksumFile"
check "samples that are garbage are no harm" has "$(head -c 100000 /dev/urandom | { printf 'infer\n'; cat; } | "$CAGE" schema)" "no
of "
cat >"$T/seen.sh" <<'END'
{ printf 'check x\n'; sleep 5; } | "$1" schema >/dev/null &
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	pid=$(pgrep -n -x -f "$1 schema") && grep -q '^Seccomp_filters:	2' "/proc/$pid/status" && break
	sleep 0.1
done
grep -E '^(Seccomp|Seccomp_filters|NoNewPrivs|CapEff):' "/proc/$pid/status" | tr -s '\t\n' '  '
END
check "before it reads, two filters and no new privileges are on" has "$(sh "$T/seen.sh" "$CAGE")" "NoNewPrivs: 1 Seccomp: 2 Seccomp_filters: 2"
