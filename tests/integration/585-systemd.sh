#!/bin/sh
# The unit of contrib/systemd: well-formed, as exposed as it says, and its filter leaves all that a worker, its jobs,
# their programs and connections need. That it starts under systemd itself: tests/machine.sh.
. tests/stage.sh
unit=contrib/systemd/stockade@.service
if ! command -v systemd-analyze >/dev/null; then
	skip "the unit for systemd" "install systemd"
	finish
	exit 0
fi
stage_up
trap stage_down EXIT
mkdir -p "$T/prefix/bin"
cp "$STOCKADE" "$T/prefix/bin/stockade"
sed "s|@PREFIX@|$T/prefix|; /^Documentation=/d" $unit >"$T/stockade@.service"
check "systemd reads it without a complaint" eq "$(systemd-analyze verify "$T/stockade@.service" 2>&1)" ""
sed 's/^KillMode=.*/KillMode=sometimes/' "$T/stockade@.service" >"$T/wrong@.service"
check "control: it does complain" has "$(systemd-analyze verify "$T/wrong@.service" 2>&1)" "kill mode"
check "an exposure of 2.0 at most, of 10" systemd-analyze security --offline=yes --threshold=20 "$T/stockade@.service" >"$T/exposure"
grep -v '^ProtectSystem\|^PrivateTmp\|^SystemCall\|^Restrict' "$T/stockade@.service" >"$T/open@.service"
check "control: less is told" sh -c "! systemd-analyze security --offline=yes --threshold=20 '$T/open@.service' >/dev/null"

# regress/030 shows what would follow
check "it hides no process of its own from a worker" hasnt "$(grep -E '^(ProtectProc|ProcSubset)=' $unit)" "="

# --- its filter, as systemd would put it together
expand() {
	for word in "$@"; do
		# shellcheck disable=SC2046 # names of calls, none with blanks
		case $word in
		@*) expand $(systemd-analyze syscall-filter "$word" | sed '1d; /^ *#/d') ;;
		*) echo "$word" ;;
		esac
	done
}
: >"$T/calls"
sed -n 's/^SystemCallFilter=//p' $unit >"$T/lines"
while read -r line; do
	# shellcheck disable=SC2086 # the same
	case $line in
	~*) expand ${line#\~} | sort -u | comm -23 "$T/calls" - >"$T/next" ;;
	*) expand $line | sort -u - "$T/calls" >"$T/next" ;;
	esac
	mv "$T/next" "$T/calls"
done <"$T/lines"
check "it is a list of hundreds" sh -c "[ \$(wc -l <'$T/calls') -gt 250 ]"
check "nothing that mounts, traces or loads" eq "$(grep -xE 'mount|ptrace|bpf|init_module|keyctl|setns|pivot_root' "$T/calls")" ""
grep -E '^ALLOW(_IF)?\(' sandbox/profile.def | sed -E 's/^[A-Z_]+\([^,]*, ([a-z0-9_]+).*/\1/' | sort -u >"$T/ours"
check "whatever our own filters allow, it allows" eq "$(comm -23 "$T/ours" "$T/calls")" ""

# --- behind it
only() { # only COMMAND...
	# shellcheck disable=SC2046
	"$B/test/stockade-outer" only $(cat "$T/calls") -- "$@"
}
layers() { "$@" doctor --config "$T/stockade.conf" --json | tr '{' '\n' | grep '"area":"layer"' | grep -v '"demand":"off"' | sed 's/"text".*//'; }
layers "$STOCKADE" >"$T/bare"
layers only "$STOCKADE" >"$T/behind"
check "every layer that is asked for is what it is without it" eq "$(diff "$T/bare" "$T/behind")" ""
printf 'x\n' >"$T/inputs/x.txt"
push files "$(sign ChecksumFile '["x.txt"]')"
INTERVAL=0 only "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1
check "a worker runs a job" eq "$? $(rcli get resque:stat:processed)" "0 1"
sed -i '/^seccomp$/d' "$T/calls"
: >"$T/log"
INTERVAL=0 only "$STOCKADE" work --config "$T/stockade.conf" >>"$T/log" 2>&1
check "control: without seccomp among them it refuses to start: 71" eq $? 71
check "by name" grep -aq 'layer seccomp' "$T/log"
