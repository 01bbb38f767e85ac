#!/bin/sh
# Every attack of tests/escape/attacks.def: without the cage it succeeds, in the cage it fails as the
# table says, bare and under what a container runtime's default profile refuses.
exec "$B/test/escape-driver"
