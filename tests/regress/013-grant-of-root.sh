#!/bin/sh
# "/" mapped to a grant holds the policy and every password file, but a comparison of prefixes that
# wanted a slash behind the directory's name did not see it.
. tests/stage.sh
stage_up
trap stage_down EXIT

out() { { timeout 20 "$STOCKADE" work --config "$T/bad.conf" >/dev/null; } 2>&1; echo "exit $?"; }
sed 's|inputs = "[^"]*"|inputs = "/"|' "$T/stockade.conf" >"$T/bad.conf"
told=$(INTERVAL=0 out)
check "a grant of / is refused beside a policy" has "$told" "jobs may read"
check "with the code of a configuration" has "$told" "exit 78"
(echo 'setup_read = [ "/" ];'; cat "$T/stockade.conf") >"$T/bad.conf"
told=$(INTERVAL=0 out)
check "setup() may not read / either" has "$told" "jobs may read"
