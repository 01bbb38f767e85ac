# shellcheck shell=sh disable=SC2034
# Sourced after tests/stage.sh by tests about death and recovery: several "hosts", each a supervisor
# of its own with its own host name, configuration and log, on the one Redis of the stage.
FAST='beat = "100ms"; dead_after = "1s"; redis_timeout = "300ms"; stuck_after = "30s"; term_timeout = "1s";'

host_start() { # host_start NAME [settings]: supervisor's pid in $T/NAME.pid, log in $T/NAME.log
	name=$1
	sed "s/^host = .*/host = \"$name\";/; /^beat = /d" "$T/stockade.conf" >"$T/$name.conf"
	echo "${2:-$FAST}" >>"$T/$name.conf"
	"$STOCKADE" work --config "$T/$name.conf" >>"$T/$name.log" 2>&1 &
	echo $! >"$T/$name.pid"
}
host_pid() { cat "$T/$1.pid"; }
host_worker() { children_of "$(host_pid "$1")" | head -1; }
host_logged() { grep -aq "$2" "$T/$1.log"; }
host_count() { grep -ac "$2" "$T/$1.log"; }
# a host that loses its power: supervisor and worker at once, nobody says anything to Redis
host_crash() {
	# shellcheck disable=SC2046
	kill -9 $(tree_of "$(host_pid "$1")") 2>/dev/null
	wait "$(host_pid "$1")" 2>/dev/null
	rm -f "$T/$1.pid"
}
host_stop() { # exit code in $RC
	kill -TERM "$(host_pid "$1")" 2>/dev/null
	wait "$(host_pid "$1")"
	RC=$?
	rm -f "$T/$1.pid"
}
hosts_down() {
	for f in "$T"/*.pid; do
		[ -f "$f" ] || continue
		# shellcheck disable=SC2046
		kill -9 $(tree_of "$(cat "$f")") 2>/dev/null
	done
	stage_down
}
# nobody holds Resque's prune lock: a pass need not wait a minute for it
unlock() { rcli del resque:pruning_dead_workers_in_progress >/dev/null; }
big_csv() { # big_csv ROWS
	rows_csv big.csv "$1"
}
processed() { [ "$(rcli get resque:stat:processed)" = "$1" ]; }
in_flight() { rcli keys 'resque:stockade:in:*'; }
