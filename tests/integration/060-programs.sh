#!/bin/sh
# What the two programs contain: no handler in stockade, no hiredis and no keys in stockade-cage; and
# how they were built.
. tests/stage.sh
T=$(mktemp -d "${TMPDIR:-/tmp}/stage-XXXXXX")
trap 'rm -rf "$T"' EXIT

for handler in checksum_file csv_summary; do
	check "stockade-cage has the handler $handler" sh -c "nm '$CAGE' | grep -q '$handler'"
	check "stockade has no handler $handler" sh -c "! nm '$STOCKADE' | grep -q '$handler'"
done
needed() { readelf -d "$1" | grep NEEDED; }
check "stockade needs hiredis" has "$(needed "$STOCKADE")" libhiredis
check "stockade-cage needs no hiredis" hasnt "$(ldd "$CAGE")" hiredis
check "stockade-cage needs no libconfig" hasnt "$(ldd "$CAGE")" libconfig
check "stockade needs no jansson" hasnt "$(ldd "$STOCKADE")" jansson
check "the product's cage has no hostile handler" sh -c "! nm '$CAGE' | grep -qE 'fork_bomb|secret_search'"
for p in "$STOCKADE" "$CAGE"; do
	n=$(basename "$p")
	check "$n is a position independent executable" has "$(readelf -h "$p")" "DYN"
	check "$n binds everything at start" has "$(readelf -d "$p")" "BIND_NOW"
	check "$n has a read-only relocation segment" has "$(readelf -lW "$p")" "GNU_RELRO"
	check "$n has no executable stack" sh -c "readelf -lW '$p' | grep GNU_STACK | grep -q 'RW '"
	check "$n has no writable and executable segment" sh -c "! readelf -lW '$p' | grep LOAD | grep -q RWE"
	check "$n has stack protectors" sh -c "nm '$p' | grep -q __stack_chk_fail"
	check "$n uses checked libc calls" sh -c "nm '$p' | grep -q '_chk@'"
	check "$n has no run path" hasnt "$(readelf -d "$p")" "R*PATH"
done
# gone before main runs: the table with its pointers stands behind RELRO, its length in .rodata
check "the registry is in read-only memory" sh -c "objdump -t '$CAGE' | grep -w stockade_registry | grep -q data.rel.ro"
