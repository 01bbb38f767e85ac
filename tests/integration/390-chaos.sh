#!/bin/sh
# A short storm for every commit; `make chaos N=1000` is the long one.
N=${CHAOS_N:-60} CHAOS_S=${CHAOS_S:-10} exec sh tests/chaos.sh
