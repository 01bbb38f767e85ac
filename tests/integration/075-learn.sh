#!/bin/sh
# `run-job --learn`: what a job lacks is named, tried and proposed; what it does not need is taken away.
. tests/lib.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
mkdir "$T/in" "$T/out"
printf 'one line\nanother\n' >"$T/in/in"
cat >"$T/stockade.conf" <<CONF
cage = "$PWD/$B/test/handlers-cage";
directories = { inputs = "$T/in"; outputs = "$T/out"; };
CONF
learn() {
	"$B/stockade" run-job --learn --config "$T/stockade.conf" "$1" '[]' >"$T/said" 2>"$T/err"
	rc=$?
}
says() { holds "$1" grep -qF -- "$2" "$T/said"; }

learn Misfit::Threads
is "a job that lacks threads: done at last" "$rc" 0
says "the first run is denied by name" "rt_sigaction (class Misfit::Threads has no threads grant)"
says "the old line" '- JOB(..., "Misfit::Threads", PROFILE(pure), ...)'
says "the new line" '+ JOB(..., "Misfit::Threads", PROFILE(threads), TASKS('
"$B/stockade" run-job --config "$T/stockade.conf" Misfit::Threads '[]' >/dev/null 2>&1
is "and without the flag it is denied as before" "$?" 5

learn Misfit::TwoThreads
is "two threads: done" "$rc" 0
# itself among them; more if others of this uid start meanwhile, which the kernel counts as well
holds "and as many tasks as it has" grep -q '^+ .*"Misfit::TwoThreads", PROFILE(threads), TASKS([345]), ' "$T/said"
holds "three were tried, and not fewer" grep -q '^run .* TASKS(3), ' "$T/said"
is "nor two" "$(grep -c '^run .* TASKS(2), ' "$T/said")" 0

learn Misfit::Open
is "a job that opens a file of a label it lacks: done" "$rc" 0
says "the very label is proposed" '+ JOB(..., "Misfit::Open", PROFILE(files), READ("inputs"), ...)'
holds "which is no guess" sh -c "! grep -q 'asked for by its name' '$T/said'"
is "without trying others" "$(grep -c '^run' "$T/said")" 3
learn Misfit::Create
is "a job that makes a file of a label it lacks: done" "$rc" 0
says "that one too" '+ JOB(..., "Misfit::Create", PROFILE(files), WRITE("outputs"), ...)'
learn Misfit::Unmapped
is "a job that asks for a label that is nowhere: not done" "$rc" 1
says "the label is named" 'it asks for the label "elsewhere", which is mapped to no directory'
says "and nothing else is proposed" "the line stays as it is"

learn Fits::Greedy
is "a job that asks for too much: done" "$rc" 0
says "the line that it has" '- JOB(..., "Fits::Greedy", PROFILE(files, threads), READ("inputs"), WRITE("outputs"), TASKS(5), ...)'
says "unneeded grants are removed" '+ JOB(..., "Fits::Greedy", PROFILE(files), READ("inputs"), ...)'

learn Misfit::Asks
is "a job that asks for what only an operator hands out: not done" "$rc" 1
says "what it asked for is named" 'it asks for EXEC("/program"), which this command does not try'
says "and nothing is proposed" "the line stays as it is"

learn Fits::Stays
is "a job with a net grant: done" "$rc" 0
says "the grant stands in the line that it has" '- JOB(..., "Fits::Stays", PROFILE(files, net), READ("inputs"), ...)'
says "and in the line that is proposed: nobody has tried without it" '+ JOB(..., "Fits::Stays", PROFILE(net), ...)'

learn Misfit::Looks
is "a job that only looks for a file of libc's: done" "$rc" 0
says "the label that was found by trying is told to be that" "no label was asked for by its name"
says "with where such files are opened" "stockade_setup_<function>()"

learn Misfit::Label
is "a job that reads a label it was not granted: done" "$rc" 0
says "the label is found among the mapped ones" '+ JOB(..., "Misfit::Label", PROFILE(files), READ("inputs"), ...)'

learn Fits::Zlib
is "a job whose line fits: done" "$rc" 0
says "its line stays" "the line stays as it is"
is "and was tried once" "$(grep -c '^run' "$T/said")" 1

learn Misfit::Files
is "a job that reads what no label maps: not done" "$rc" 1
says "and that is said" "it did not end as Done"
says "nor that no directory helped" "none of the mapped directories made it end as Done"
says "labels that did not help are not proposed" "the line stays as it is"
learn Misfit::Ptrace
is "a job that wants what no profile has: not done" "$rc" 1
says "its line stays too" "the line stays as it is"
learn Misfit::Socket
says "net is for the author to say" "it needs net, which this command cannot give"

"$B/stockade" work --learn >/dev/null 2>&1
is "a worker has no such flag" "$?" 64
"$B/test/handlers-cage" learn 0:0:0:0 0 1 1 room >/dev/null 2>&1
is "a cage program without its worker does not begin" "$([ $? -ne 0 ] && echo no)" no
finish
