#!/bin/sh
# Another C library behind the same filters: what musl's malloc, stdio, clocks, threads and files call
# is allowed by the profile that says so, and by no other.
. tests/lib.sh
if ! command -v musl-gcc >/dev/null; then
	skip "musl behind the filters" "install musl-tools"
	exit 0
fi
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
umask 022
musl-gcc -static -O2 -o "$T/work" tests/musl/work.c || { not_ok "the musl program is built"; finish; }
echo "a line" >"$T/in"

behind() { # behind SUM WORK...: its exit status
	"$B/test/stockade-bpf" "$1" "$T/bpf" || return 98
	shift
	( "$T/work" "$T/bpf" "$@" ) >"$T/out" 2>&1
} 2>/dev/null
for sum in pure threads read write read+write read+threads read+write+threads; do
	words=
	case $sum in *threads*) words=threads ;; esac
	case +$sum in *+read* | +write*) words="$words read $T" ;; esac
	case $sum in *write*) words="$words write $T" ;; esac
	# shellcheck disable=SC2086
	behind $sum $words
	is "$sum: memory, text, clocks and what it adds" "$?" 0
done
for sum in pure read; do
	behind $sum threads
	is "$sum: a thread is denied" "$?" 159
done
behind threads read "$T"
is "threads: a file is denied" "$?" 159
behind read write "$T"
is "read: a new file is denied" "$?" 159
behind read+write+threads break
is "a symbolic link is denied to all" "$?" 159
finish
