#!/bin/sh
# "raise MEM_MIB and the ceiling" was said whoever had set the limit. Now the sentence says which one
# bound: the class's, the operator's ceiling, or the hard limit that the service was started with.
. tests/lib.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
mkdir "$T/scratch"
conf() {
	cat >"$T/stockade.conf" <<CONF
cage = "$PWD/$B/test/hostile-cage";
directories = { inputs = "$T/scratch"; scratch = "$T/scratch"; };
$1
CONF
}
says() { # says CLASS WORDS
	sh -c "$3 exec '$B/stockade' run-job --config '$T/stockade.conf' '$1' '[]'" >"$T/said" 2>&1
	is "$1 is ended" "$?" 5
	holds "$1: $2" grep -qF -- "$2" "$T/said"
}
conf ''
says Hostile::AllocUnchecked 'its limit of 64 MiB; that is what its class asks for: raise MEM_MIB, and ceiling.memory where that is lower' ''
says Hostile::FillDisk 'its limit of 1048576 bytes; that is what its class asks for: raise FILE_MIB' ''
conf 'ceiling = { memory = "48M"; file = "512K"; wall = "1s"; };'
says Hostile::AllocUnchecked "that is the operator's ceiling.memory, the class asks for 64 MiB: raise the ceiling" ''
says Hostile::FillDisk "its limit of 524288 bytes; that is the operator's ceiling.file, the class asks for 1 MiB" ''
says Hostile::SleepLong "wall-clock limit is 1000 ms; that is the operator's ceiling.wall, the class asks for 60000 ms" ''
# in blocks of 512 bytes, as POSIX has it
says Hostile::FillDisk 'its limit of 262144 bytes; that is the hard limit that the service was started with (ulimit -Hf, LimitFSIZE=)' 'ulimit -f 512;'
finish
