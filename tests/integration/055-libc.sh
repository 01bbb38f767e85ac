#!/bin/sh
# C libraries behind the filters: what malloc, stdio, clocks, threads and files call is allowed by the
# profile that says so, and by no other. musl, linked statically, and the glibc of this machine.
. tests/lib.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
umask 022
echo "a line" >"$T/in"

behind() { # behind SUM WORK...: its exit status
	"$B/test/stockade-bpf" "$1" "$T/bpf" || return 98
	shift
	( "$T/work" "$T/bpf" "$@" ) >"$T/out" 2>&1
} 2>/dev/null
all_sums() {
	for sum in pure threads read write read+write read+threads read+write+threads; do
		words=
		case $sum in *threads*) words=threads ;; esac
		case +$sum in *+read* | +write*) words="$words read $T" ;; esac
		case $sum in *write*) words="$words write $T" ;; esac
		# shellcheck disable=SC2086
		behind $sum $words
		is "$libc: $sum: memory, text, clocks and what it adds" "$?" 0
	done
	for sum in pure read; do
		behind $sum threads
		is "$libc: $sum: a thread is denied" "$?" 159
	done
	behind threads read "$T"
	is "$libc: threads: a file is denied" "$?" 159
	behind read write "$T"
	is "$libc: read: a new file is denied" "$?" 159
	behind read+write+threads break
	is "$libc: a symbolic link is denied to all" "$?" 159
}
# ending_threads CANCEL ABORT: how a cancelled thread and an abort of another one end
ending_threads() {
	behind pure abort
	is "$libc: abort is abort" "$?" 134
	behind threads threads cancel
	is "$libc: threads: pthread_cancel" "$?" "$1"
	behind threads threads abort-there
	is "$libc: threads: abort in another thread" "$?" "$2"
	behind pure abort-there
	is "$libc: pure: not even that thread" "$?" 159
}

libc=musl
if ! command -v musl-gcc >/dev/null; then
	skip "musl behind the filters" "install musl-tools"
elif musl-gcc -static -O2 -o "$T/work" tests/libc/work.c; then
	all_sums
	# tkill names a thread, not whose it is: no filter can hold it to one's own (SECURITY.md)
	ending_threads 159 159
else
	not_ok "the musl program is built"
fi
# glibc opens the unwinder's library when a thread first exits: a zygote has it open before the filters
libc=glibc-$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
if ${CC:-gcc} -O2 -o "$T/work" tests/libc/work.c -Wl,--no-as-needed -lgcc_s; then
	all_sums
	ending_threads 0 134
else
	not_ok "the glibc program is built"
fi
finish
