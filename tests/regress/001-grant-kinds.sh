#!/bin/sh
# Two classes whose grants name the same labels with opposite rights: rulesets were once kept by label
# alone, so whichever class stood second in the registry was given the rights of the first.
. tests/stage.sh
stage_up
trap stage_down EXIT
mkdir "$T/scratch"
sed "s|directories = {|directories = { scratch = \"$T/scratch\";|" "$T/stockade.conf" >"$T/two.conf"
act() { # act CLASS PATH -> the exit code of run-job
	"$STOCKADE" run-job --config "$T/two.conf" --cage "$PWD/$B/test/hostile-cage" "$1" "[\"$2\"]" >"$T/out" 2>&1
	echo $?
}
check "READ(inputs), WRITE(scratch) writes to scratch" eq "$(act Hostile::WriteScratchOnly "$T/scratch/a")" 0
check "and the file is there" test -e "$T/scratch/a"
check "but not to inputs" eq "$(act Hostile::WriteScratchOnly "$T/inputs/a")" 1
check "WRITE(inputs), READ(scratch) writes to inputs" eq "$(act Hostile::WriteInputsOnly "$T/inputs/b")" 0
check "but not to scratch" eq "$(act Hostile::WriteInputsOnly "$T/scratch/b")" 1
check "and nothing is where nobody may write" sh -c "! test -e '$T/inputs/a' && ! test -e '$T/scratch/b'"
