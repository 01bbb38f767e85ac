# shellcheck shell=sh disable=SC2034
# Sourced after tests/stage.sh by tests that look at /metrics of a service: its socket is $M.
M=$T/metrics.sock
METRICS="metrics_listen = \"unix://$M\";"
http() { # http PATH [options of curl]: what is answered
	path=$1
	shift
	curl -s --max-time 30 --unix-socket "$M" "$@" "http://x$path"
}
code() { # code PATH: the status alone
	http "$1" -o /dev/null -w '%{http_code}'
}
value() { # value SERIES: its number now; nothing where there is no such series
	http /metrics | awk -v want="$1" 'substr($0, 1, length(want) + 1) == want " " { print substr($0, length(want) + 2) }'
}
counts() { # counts SERIES NUMBER: it gets there
	wait_for 30 reads "$@" || { echo "$1 is $(value "$1"), not $2"; return 1; }
}
reads() { [ "$(value "$1")" = "$2" ]; }
answers() { # answers PATH CODE WORD: it gets there
	wait_for 60 answers_now "$@" || { http "$1" -i; return 1; }
}
answers_now() { case "$(code "$1") $(http "$1")" in "$2 $3"*) ;; *) return 1 ;; esac; }
exporter() { ps -o pid=,comm= --ppid "$WORKER" | awk '$2 == "stockade-export" { print $1 }'; }
workers() { ps -o pid=,comm= --ppid "$WORKER" | awk '$2 == "stockade" { print $1 }'; }
