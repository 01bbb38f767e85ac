#!/bin/sh
# Runs a command as an unprivileged user. Already unprivileged: runs it here. As root: copies the
# tree (without build/) to a temporary folder owned by an unprivileged uid, drops every privilege
# and runs it there, because a wall is only worth testing from the side it is built for.
set -eu
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
env -u SUDO_USER HOME="$top/tmp" TMPDIR="$top/tmp" USER=stockade \
	setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all "$@" || status=$?
exit "$status"
