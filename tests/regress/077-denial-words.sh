#!/bin/sh
# What a denial tells an author to do can be done: "no net grant" was said of a socket, which no class
# gets. Every function that a sentence names is in job.h, every word is one of a registry line.
. tests/lib.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
grep -h 'INSTEAD' sandbox/profile.def | grep -o 'stockade_[a-z_]*()' | sort -u | tr -d '()' >"$T/calls"
holds "sentences name functions" test -s "$T/calls"
while read -r call; do
	holds "$call is in job.h" grep -q "$call(" jobs/job.h
done <"$T/calls"
{
	sed -n 's/STK_PROFILE_[A-Z_]*//g; /[A-Z]("\|[A-Z](\\"/p' sandbox/syscall.c
	grep '^INSTEAD' sandbox/profile.def | grep -o '"[^"]*"'
} | grep -oE '\b(PROFILE|READ|WRITE|TASKS|CONNECT|EXEC|EXEC_DYNAMIC|[A-Z]+_(MIB|S|MS))\b' | sort -u >"$T/words"
holds "sentences name words of a line" test "$(wc -l <"$T/words")" -ge 8
while read -r word; do
	holds "$word is a word of a line" grep -q "X($word, " jobs/schema/registry_words.h
done <"$T/words"

cat >"$T/stockade.conf" <<CONF
cage = "$PWD/$B/test/hostile-cage";
directories = { inputs = "$T"; scratch = "$T"; };
CONF
says() {
	"$B/stockade" run-job --config "$T/stockade.conf" "$1" '[]' >"$T/said" 2>&1
	is "$1 is denied" "$?" 5
	sed -n 's/^why *//p' "$T/said" >"$T/why"
	# a word of output is shown as JSON shows text
	sed -i 's/\\"/"/g' "$T/why"
	holds "$1: $2" grep -qF -- "$2" "$T/why"
}
says Hostile::OpenSocket 'has no net grant): no class may make it like this; with PROFILE(net), CONNECT("host:port") stockade_connect() hands out connected sockets'
says Hostile::RunShell 'has no exec grant): no class may make it like this; with PROFILE(exec), EXEC("/program") stockade_exec() runs that one program'
says Hostile::ReadPasswd 'has no files read grant): PROFILE(files), READ("label") in its registry line allows it'
says Hostile::MapCode 'no class may make it like this; no class has memory that is code'
says Hostile::PipeFlood "stockade_exec() runs a program where popen() would"
says Hostile::PtraceParent 'no class may make it like this'
