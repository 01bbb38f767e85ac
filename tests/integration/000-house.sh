#!/bin/sh
# The house rules (include arrows, ARCHITECTURE's file list, banned words) are part of every check.
tests/lint.sh "${B:-build}" house | grep -v ' passed, '
