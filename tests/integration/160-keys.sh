#!/bin/sh
# `stockade keys show|check|diff`: what keys there are, what is wrong with them, what changed.
. tests/stage.sh
stage_up
trap stage_down EXIT
write_policy

out=$("$STOCKADE" keys show "$T/keys/web-1.key")
check "show prints the public half" has "$out" "$(public web)"
check "and no secret" hasnt "$out" "$(sed 's/^[^:]*://' "$T/keys/web-1.key")"
chmod 644 "$T/keys/other-1.key"
out=$("$STOCKADE" keys show "$T/keys/other-1.key" 2>&1)
check "a key that others may read is refused: 66" eq $? 66
chmod 400 "$T/keys/other-1.key"

keys_check() { "$STOCKADE" keys check --config "$T/stockade.conf" "$@" 2>&1; }
out=$(keys_check)
check "a good policy: 0" eq $? 0
check "each key with its state" has "$out" "active    web-1"
out=$(keys_check "$T/keys/web-1.key")
check "a private key that belongs to it: 0" eq $? 0
"$STOCKADE" keys generate --kid stray --principal web --out "$T/keys" >/dev/null
out=$(keys_check "$T/keys/stray.key")
check "a private key that does not: 1" eq $? 1
check "and what that means" has "$out" "E_KEY_UNKNOWN"
check "JSON for scripts" has "$(keys_check --json)" '{"kid":"web-1","principal":"web","alg":"ed25519","state":"active"'

cp "$T/policy.conf" "$T/old.conf"
diff_of() { "$STOCKADE" keys diff "$@" "$T/old.conf" "$T/policy.conf" 2>&1; }
out=$(diff_of)
check "no change: 0" eq $? 0
check "and no line" eq "$out" ""
sed -i 's/2040-01-01T00:00:00Z"; } );/2021-01-01T00:00:00Z"; } );/' "$T/policy.conf"
out=$(diff_of)
check "a change: 1" eq $? 1
check "it is named" has "$out" "iat_to    2040-01-01 -> 2021-01-01"
out=$(keys_check)
check "a principal without a key for today: 1" eq $? 1
check "is named" has "$out" "web has no key that may sign today"
sed -i 's/kid = "web-1"; alg/kid = "web-2"; alg/' "$T/policy.conf"
out=$(diff_of --json)
check "a new kid is an addition" has "$out" '{"kid":"web-2","change":"added","from":"to web"'
check "and the old one a removal" has "$out" '{"kid":"web-1","change":"removed"'
sed -i 's/kid = "web-2"; alg/revoked = true; kid = "web-1"; alg/' "$T/policy.conf"
check "revocation is a change" has "$(diff_of)" "revoked   no -> yes"
check "and a state" has "$(keys_check)" "revoked   web-1"
soon=$(date -u -d '+10 days' +%Y-%m-%dT00:00:00Z)
sed "s/2040-01-01T00:00:00Z/$soon/" "$T/old.conf" >"$T/policy.conf"
out=$(keys_check)
check "a key that ends within 30 days: 1" eq $? 1
check "is said in time" has "$out" "publish its next one now"
"$STOCKADE" keys check --policy "$T/nowhere" >/dev/null 2>&1
check "no policy: 78" eq $? 78
"$STOCKADE" keys diff one >/dev/null 2>&1
check "usage: 64" eq $? 64
