#!/bin/sh
# doctor names each layer that is not there, what it means and for whom, and ends with the right code;
# `work` refuses what doctor refuses. Then host and files.
. tests/stage.sh
stage_up
trap 'kill "$SLEEPER" 2>/dev/null; stage_down' EXIT
SLEEPER=
OUTER=$PWD/$B/test/stockade-outer
WITHOUT=$PWD/$B/test/stockade-without

doctor() { # doctor [COMMAND...]: everything in $T/out, as JSON in $T/json, its code in $RC
	"$@" "$STOCKADE" doctor --json --config "$T/stockade.conf" >"$T/json" 2>"$T/err"
	RC=$?
	sed 's/{"grade"/\n&/g' "$T/json" >"$T/out"
}
row() { # row AREA NAME [GRADE]: the finding stands there
	grep -qE "\"grade\":\"${3:-[a-zA-Z]*}\",\"area\":\"$1\",\"name\":\"$2\"" "$T/out" ||
		{ grep "\"name\":\"$2\"" "$T/out"; cat "$T/err"; return 1; }
}
says() { # says NAME WORDS: the finding of that name has them
	grep "\"name\":\"$1\"" "$T/out" | grep -qF "$2" || { grep "\"name\":\"$1\"" "$T/out"; return 1; }
}

doctor env
check "nothing missing: allowed" test "$RC" -le 3
check "no refusal" sh -c "! grep -q '\"grade\":\"REFUSE\"' '$T/out'"
# a team's tree has other classes beside these
listed() { # listed runnable|refused CLASS...
	list=,$(sed -n "s/.*\"$1\":\[\([^]]*\)\].*/\1/p" "$T/json"),
	shift
	for class; do
		case $list in *",\"$class\","*) ;; *) echo "$class is not in $list"; return 1 ;; esac
	done
}
check "the classes are runnable" listed runnable ChecksumFile CsvSummary
check "and not refused" sh -c "! grep -qE '\"refused\":\[[^]]*\"(ChecksumFile|CsvSummary)\"' '$T/json'"

# --- one layer after the other is taken away
gone() { # gone CALL ERRNO LAYER GRADE: named so by doctor, and `work` does as doctor says
	doctor "$WITHOUT" "$1" "$2"
	check "$1 answers $2: $3 is $4" row layer "$3" "$4"
	check "$1 answers $2: the errno is told" says "$3" "\"errno\":\"$2\""
	case $4 in
	REFUSE)
		check "$1 answers $2: doctor ends with 4" eq "$RC" 4
		out=$(timeout 30 "$WITHOUT" "$1" "$2" "$STOCKADE" work --config "$T/stockade.conf" 2>&1)
		check "$1 answers $2: work ends with 71" eq $? 71
		# a class with files reads its fate from Landlock's first layer; the rest names its own
		check "$1 answers $2: and names a layer" has "$out" "layer "
		;;
	*) check "$1 answers $2: doctor ends with 3 at most" test "$RC" -le 3 ;;
	esac
}
gone seccomp EPERM seccomp_trap REFUSE
gone landlock_create_ruleset ENOSYS landlock_fs REFUSE
gone landlock_create_ruleset EOPNOTSUPP landlock_fs REFUSE
gone landlock_restrict_self EPERM landlock_fs REFUSE
gone close_range ENOSYS close_range REFUSE
gone pidfd_open EPERM pidfd REFUSE
gone pidfd_send_signal EPERM pidfd REFUSE
gone capset EPERM capabilities REFUSE
gone prctl:1 EPERM pdeathsig REFUSE
gone prctl:65 EINVAL mdwe MISS
gone prctl:65 EPERM mdwe MISS
gone prctl:41 EINVAL thp_off MISS
gone mlock EPERM mlock MISS
gone memfd_secret ENOSYS memfd_secret off
gone mseal EPERM mseal off
doctor "$WITHOUT" prlimit64 EPERM
for l in rlimit_as rlimit_cpu rlimit_fsize rlimit_nofile rlimit_nproc rlimit_others no_core; do
	check "prlimit64 answers EPERM: $l" row layer "$l" REFUSE
done
doctor "$WITHOUT" seccomp EBUSY
check "a listener that somebody else holds is told apart" says seccomp_notify '"errno":"EBUSY"'

doctor "$WITHOUT" landlock_create_ruleset EPERM
check "without Landlock a class with files is refused by name" says ChecksumFile "needs landlock_fs"
check "and listed" listed refused ChecksumFile CsvSummary
check "not as runnable" sh -c "! grep -qE '\"runnable\":\[[^]]*\"(ChecksumFile|CsvSummary)\"' '$T/json'"
EXTRA='layers = { landlock_fs = "off"; };' write_config
doctor "$WITHOUT" landlock_create_ruleset EPERM
check "switched off, it is not asked for" row layer landlock_fs off
check "the class still does not run" says ChecksumFile "switched off"
check "which is degraded, not refused: 3" eq "$RC" 3
out=$(sh -c "ulimit -l 0; exec timeout 30 '$STOCKADE' doctor --config '$T/stockade.conf'" 2>&1)
check "no locked memory: whose limit it is" has "$out" "refused with EPERM (this user may lock no memory)"
check "and what raises it" has "$out" "-> raise the limit of locked memory (ulimit -l 1024, LimitMEMLOCK=1M)"
check "what a start leaves in the kernel's log is told" has "$out" "two lines of type=1326 with sig=31"
EXTRA='layers = { mdwe = "require"; };' write_config
doctor "$WITHOUT" prctl:65 EINVAL
check "required by the operator: REFUSE" row layer mdwe REFUSE
out=$(timeout 30 "$WITHOUT" prctl:65 EINVAL "$STOCKADE" work --config "$T/stockade.conf" 2>&1)
check "and work ends with 71" eq $? 71
check "by its name" has "$out" "layer mdwe is missing"
EXTRA='layers = { mdwe = "off"; };' write_config
doctor "$WITHOUT" prctl:65 EINVAL
check "off: not missed" row layer mdwe off
EXTRA='' write_config

if "$OUTER" default true 2>/dev/null; then
	doctor "$OUTER" default
	check "under a runtime's default profile nothing is refused" test "$RC" -le 3
	check "the profile is seen" has "$(cat "$T/json")" '"outer_filters":1'
else
	echo "ok - under a runtime's default profile # SKIP needs a stockade-outer that has one"
fi

# --- for people
"$STOCKADE" doctor --config "$T/stockade.conf" >"$T/text" 2>&1
check "in a pipe there is no colour" sh -c "! grep -q \"$(printf '\033')\" '$T/text'"
check "grades, areas and names stand in columns" sh -c "! grep -vE '^(ok|off|MISS|WARN|REFUSE) +(layer|class|host|files|redis) +|^ +-> |^stockade |^classes |^(ok|degraded|refuse): ' '$T/text'"
if command -v script >/dev/null; then
	script -qec "'$STOCKADE' doctor --config '$T/stockade.conf'" /dev/null >"$T/tty" 2>&1
	check "on a terminal there is" grep -q "$(printf '\033')\[3" "$T/tty"
else
	echo "ok - on a terminal there is # SKIP install script (bsdutils)"
fi
"$STOCKADE" doctor --config /nonexistent >/dev/null 2>&1
check "no configuration: 78" eq $? 78
"$STOCKADE" doctor surplus >/dev/null 2>&1
check "an operand: 64" eq $? 64

# --- host
setsid sleep 300 &
SLEEPER=$!
doctor env
check "another process of this uid is seen" row host shared_uid WARN
kill "$SLEEPER"
FAKE_PASSWORD=geheim BROKER_URL=amqp://u:geheim@h/ doctor env
check "a password in the environment is named" says environment FAKE_PASSWORD
check "so is one in a URL" grep -q BROKER_URL "$T/out"
check "its value is not" sh -c "! grep -q geheim '$T/out'"
EXTRA='concurrency = 256;' write_config
doctor env
if [ "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" -lt $((256 * 160)) ]; then
	check "a sum that does not fit the memory is told" says memory "do not fit"
	check "and it is no ok" sh -c "! grep '\"name\":\"memory\"' '$T/out' | grep host | grep -q '\"ok\"'"
else
	check "a sum that fits the memory is told" says memory "fit"
fi
EXTRA='' write_config
if [ -n "$(unshare -Urm sh -c 'mount -t tmpfs -o mode=777 none /opt && echo yes' 2>/dev/null)" ]; then
	unshare -Urm sh -c "mount -t tmpfs -o mode=777 none /opt && mount -t tmpfs -o size=1M,mode=1777 none /var/tmp &&
		exec unshare -U --map-user=$(id -u) '$STOCKADE' doctor --json --config '$T/stockade.conf'" >"$T/json" 2>"$T/err"
	sed 's/{"grade"/\n&/g' "$T/json" >"$T/out"
	check "a folder of the system that can be written is told" says writable_root /opt
	check "and a user namespace of one's own" says user_namespace "its own"
else
	echo "ok - a writable root # SKIP user namespaces are not to be had here"
fi

# --- files
chmod 666 "$T/policy.conf"
chmod 777 "$T/inputs"
doctor env
check "a policy that all may write" says policy "everybody"
check "a mapped directory that all may write" row files directory WARN
chmod 640 "$T/policy.conf"
chmod 755 "$T/inputs"
doctor env
check "a policy of its owner's" row files policy ok
check "a directory of its owner's" row files directory ok
mkdir "$T/trail" && chmod 700 "$T/trail"
EXTRA="audit_dir = \"$T/trail\";" write_config
doctor env
check "a folder for the audit trail" row files audit_dir ok
chmod 770 "$T/trail"
doctor env
check "one that its group may write" row files audit_dir WARN
chmod 500 "$T/trail"
doctor env
check "one that cannot be written: refused" row files audit_dir REFUSE
cp "$CAGE" "$T/cage" && chmod 755 "$T/cage"
EXTRA='' write_config && sed -i "s|^cage.*|cage = \"$T/cage\";|" "$T/stockade.conf"
doctor env
check "a cage program that its user may write: refused" row files cage REFUSE
check "with 4" eq "$RC" 4
sed -i "s|^cage.*|cage = \"$PWD/$B/test/stockade-liar\";|" "$T/stockade.conf"
chmod 555 "$B/test/stockade-liar"
TZ=lie=desc-wall doctor env
check "a cage program linked against another wall" row files wall_version WARN
TZ=lie=desc-junk doctor env
check "a cage program that does not describe itself: refused" row files cage REFUSE
write_config
sed -i 's/principals/principles/' "$T/policy.conf"
doctor env
check "a policy that cannot be read: refused" row files policy REFUSE
write_policy

# --- JSON as PROTOCOL.md has it
doctor env
if command -v jq >/dev/null; then
	check "the object has its members" jq -e '(keys | sort) == ["arch","dropped","exit","findings","kernel","landlock_abi","outer_filters","refused","runnable","stockade","uid","verdict"]
		and (.exit | IN(0, 3, 4)) and (.verdict | IN("ok", "degraded", "refuse")) and (.uid | type == "number")' "$T/json"
	check "each finding has its own" jq -e '[.findings[] | (keys | sort) == ["area","demand","errno","fix","grade","name","text"]
		and (.grade | IN("ok","off","MISS","WARN","REFUSE")) and (.area | IN("layer","class","host","files","redis"))
		and (.demand | IN(null,"fixed","require","prefer","off"))] | all' "$T/json"
	check "every layer of the table is among them" eq "$(jq '[.findings[] | select(.area == "layer")] | length' "$T/json")" \
		"$(grep -c '^LAYER(' sandbox/layers.def)"
else
	echo "ok - the object has its members # SKIP install jq"
fi
