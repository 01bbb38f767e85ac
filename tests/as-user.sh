#!/bin/sh
# Runs a command as an unprivileged user. Already unprivileged: runs it here. As root: copies the
# tree (without build/) to a temporary folder owned by an unprivileged uid, drops every privilege
# and runs it there, because a wall is only worth testing from the side it is built for.
#   tests/as-user.sh [--root-tests] COMMAND...    with the flag, root first builds (as that uid) and
#   runs tests/root/ itself; tests/run.sh adds what they said to its own count
set -eu
root_tests=
if [ "$1" = --root-tests ]; then
	root_tests=1
	shift
fi
if [ "$(id -u)" != 0 ]; then
	exec "$@"
fi
uid=${STOCKADE_TEST_UID:-61007}
top=$(mktemp -d "${TMPDIR:-/tmp}/stockade-XXXXXX")
cleanup() { rm -rf "$top"; }
trap cleanup EXIT
trap 'exit 130' INT TERM
mkdir "$top/tree" "$top/tmp"
tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$top/tree"
# the public suites may stand where that uid cannot look
if [ -n "${STOCKADE_TESTDATA:-}" ] && [ -d "$STOCKADE_TESTDATA" ]; then
	cp -r "$STOCKADE_TESTDATA" "$top/testdata"
	STOCKADE_TESTDATA=$top/testdata
	export STOCKADE_TESTDATA
fi
chown -R "$uid:$uid" "$top"
chmod 755 "$top"
cd "$top/tree"
status=0
drop() {
	env -u SUDO_USER HOME="$top/tmp" TMPDIR="$top/tmp" USER=stockade \
		setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all "$@"
}
if [ -n "$root_tests" ]; then
	drop make --no-print-directory -j"$(nproc)" WERROR=1 tests
	TMPDIR="$top/tmp" TEST_PARTS=root TEST_LOGS="$top/root-logs" sh tests/run.sh build >"$top/root-result" || true
	ROOT_RESULT=$top/root-result
	export ROOT_RESULT
fi
drop "$@" || status=$?
exit "$status"
