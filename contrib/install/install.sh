#!/bin/sh
# make install and make uninstall: what is named here and nothing else, with fixed modes.
#   install.sh install|uninstall BUILD PREFIX DESTDIR VERSION
set -eu
verb=$1 B=$2 prefix=$3 dest=$4 version=$5
case $prefix in /*) ;; *) echo "PREFIX must be absolute: $prefix" >&2; exit 64 ;; esac
build=$prefix/lib/stockade/build

put() { # put MODE FILE PLACE
	if [ "$verb" = uninstall ]; then
		rm -f "$dest$3"
	else
		mkdir -p "$dest$(dirname "$3")"
		cp -f "$2" "$dest$3.new" && chmod "$1" "$dest$3.new" && mv -f "$dest$3.new" "$dest$3"
	fi
}
pc=$B/stockade.pc
testpc=$B/stockade-test.pc
if [ "$verb" != uninstall ]; then
	sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|" contrib/install/stockade.pc.in >"$pc"
	sed "s|@PREFIX@|$prefix|; s|@VERSION@|$version|" contrib/install/stockade-test.pc.in >"$testpc"
fi

put 755 "$B/stockade" "$prefix/bin/stockade"
put 755 "$B/stockade-schemac" "$prefix/bin/stockade-schemac"
put 555 "$B/stockade-cage" "$prefix/libexec/stockade/cage"
put 644 "$B/install/libstockade-cage.a" "$prefix/lib/libstockade-cage.a"
put 644 "$B/libstockade-test.a" "$prefix/lib/libstockade-test.a"
put 644 "$pc" "$prefix/lib/pkgconfig/stockade.pc"
put 644 "$testpc" "$prefix/lib/pkgconfig/stockade-test.pc"
put 644 contrib/install/stockade.mk "$prefix/lib/stockade/stockade.mk"
put 644 jobs/job.h "$prefix/include/stockade/job.h"
put 644 jobs/job_test.h "$prefix/include/stockade/job_test.h"
put 644 jobs/names.h "$prefix/include/stockade/names.h"
put 644 jobs/curl.h "$prefix/include/stockade/curl.h"
# what a registry of one's own is compiled from; the names are those that these files use
for f in jobs/job.h jobs/names.h jobs/cage/registry.c jobs/cage/registry.h jobs/cage/bind.h jobs/cage/rules.h \
	jobs/schema/registry_lines.h sandbox/wire.h sandbox/base.h; do
	put 644 "$f" "$build/$f"
done
if [ "$verb" != uninstall ]; then
	sed "s|@PREFIX@|$prefix|" contrib/systemd/stockade@.service >"$B/stockade@.service"
fi
put 644 "$B/stockade@.service" "$prefix/lib/systemd/system/stockade@.service"
for f in contrib/man/*.[1357]; do
	put 644 "$f" "$prefix/share/man/man${f##*.}/${f##*/}"
done
if [ "$verb" = uninstall ]; then
	# folders that are ours alone, deepest first, and only if nothing else is in them
	for d in "$build/jobs/cage" "$build/jobs/schema" "$build/jobs" "$build/sandbox" "$build" "$prefix/lib/stockade" \
		"$prefix/include/stockade" "$prefix/libexec/stockade"; do
		[ ! -d "$dest$d" ] || rmdir "$dest$d" 2>/dev/null || true
	done
fi
