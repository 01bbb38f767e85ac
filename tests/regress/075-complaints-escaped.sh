#!/bin/sh
# A complaint quoted names out of a policy that was only being looked at, a proposal of somebody else's say, as they stood
# there: escape sequences and marks of text direction reached the terminal. Now they stand there as \uXXXX.
. tests/stage.sh
stage_up
trap stage_down EXIT
esc=$(printf '\033]0;owned\007') c1=$(printf '\302\233') rlo=$(printf '\342\200\256')
clean() { # clean TEXT: nothing in it that a terminal obeys
	! printf '%s\n' "$1" | LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]'
}
refused() { # refused WHAT TEXT ESCAPED
	check "$1: complained about" has "$2" "stockade: "
	check "$1: what it quotes is escaped" has "$2" "$3"
	check "$1: nothing reaches the terminal" clean "$2"
}
sed "s/name = \"web\"/name = \"we$esc\"/" "$T/policy.conf" >"$T/bad.conf"
refused "a principal" "$("$STOCKADE" policy check --policy "$T/bad.conf" 2>&1)" 'we\u001b]0;owned\u0007'
sed "s/kid = \"web-1\"/kid = \"we$rlo$c1\"/" "$T/policy.conf" >"$T/bad.conf"
refused "a key" "$("$STOCKADE" policy check --policy "$T/bad.conf" 2>&1)" 'we\u202e\u009b'
refused "a policy that a worker starts with" "$(timeout 20 "$STOCKADE" work --config "$T/stockade.conf" --policy "$T/bad.conf" 2>&1)" 'we\u202e\u009b'
refused "a file's name" "$("$STOCKADE" keys show "$T/$esc.key" 2>&1)" '\u001b]0;owned\u0007.key'
refused "a principal that is asked for" "$("$STOCKADE" policy show --principal "we$esc" --policy "$T/policy.conf" 2>&1)" 'we\u001b]0;owned'
