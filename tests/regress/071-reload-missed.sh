#!/bin/sh
# A policy that failed for a key file which came a moment later stayed failed; and the key that signs the trail was
# refused in a policy at the start alone. (What was written while a policy was read: tests/unit/test_policy.c.)
. tests/stage.sh
stage_up
trap stage_down EXIT
printf 'x\n' >"$T/inputs/x.txt"
mkdir "$T/audit"
"$STOCKADE" keys generate --kid audit-1 --principal nobody --out "$T/secret" >"$T/audit.stanza" || exit 70
EXTRA="audit_dir = \"$T/audit\"; audit_key_file = \"$T/secret/audit-1.key\";" write_config
cp "$T/policy.conf" "$T/good.conf"
digest() { sha256sum "$T/policy.conf" | cut -d' ' -f1; }
in_use() { grep -a '"event.action":"policy.reloaded"' "$T/log" | tail -1 | grep -aq "$(digest)"; }
worker_start
check "a worker" wait_for 20 logged worker.started

# --- the policy first, its new key's file a little later
"$STOCKADE" keys generate --kid late-1 --principal web --alg hmac-sha256 --out "$T/secret" >/dev/null
key='{ kid = "late-1"; alg = "hmac-sha256"; secret_file = "keys/late-1.key"; iat_from = "2020-01-01T00:00:00Z"; iat_to = "2040-01-01T00:00:00Z"; },'
awk -v key="$key" '!done && sub(/keys = \(/, "keys = (" key) { done = 1 } { print }' "$T/good.conf" >"$T/next" && mv "$T/next" "$T/policy.conf"
check "without the key's file it is refused by name" wait_for 20 grep -aq 'policy.reload_failed' "$T/log"
check "it is told once" eq "$(events policy.reload_failed)" 1
# a pipe is no key's file, and whoever writes to it waits until somebody opens it: that is a try seen
mkfifo -m 400 "$T/keys/late-1.key"
told() { [ "$(events policy.reload_failed)" -ge "$1" ]; }
check "it is tried again, and another reason is told" wait_for 40 told 2
chmod 600 "$T/keys/late-1.key" # for the writer; what it is comes before its mode
check "and again" timeout 120 sh -c ": >'$T/keys/late-1.key'"
rm "$T/keys/late-1.key"
cp -p "$T/secret/late-1.key" "$T/keys/late-1.key"
check "once the file is there it is in use, without a signal" wait_for 40 in_use
check "the same reason was told once, however often it was met" eq "$(events policy.reload_failed)" 2
push files "$("$STOCKADE" sign --key "$T/keys/late-1.key" --kid late-1 --aud "$AUD" --queue files --class ChecksumFile '["x.txt"]')"
check "and its jobs run" wait_for 20 grep -aq '"event.reason":"Done"' "$T/log"

# --- the trail's own key
sed "s/$(public other)/$(public audit)/" "$T/good.conf" >"$T/next" && mv "$T/next" "$T/policy.conf"
check "the key that signs the trail is refused in a policy while it works, too" wait_for 20 \
	sh -c "grep -a policy.reload_failed '$T/log' | grep -aq audit_key_file"
check "and the policy before it stays" sh -c "! grep -a policy.reloaded '$T/log' | tail -1 | grep -aq $(digest)"
worker_stop
