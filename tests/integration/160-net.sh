#!/bin/sh
# A job with a net grant under a whole worker: it reaches what its class lists, by libcurl over TLS
# too, is refused the worker's own Redis, and each attempt stands in the log with the job's id.
. tests/stage.sh
CAGE=$PWD/$B/test/net-cage
trap 'stop; stage_down' EXIT
stop() { [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null; }

stage_up
redis_kill
port=$(free_port)
# Redis on TCP this time, so that there is an address to refuse
redis_again --port $port --bind 127.0.0.1 --protected-mode no
write_policy ', "Net::Local", "Net::World"'
sed -i "s|^redis = .*|redis = \"redis://127.0.0.1:$port\";|" "$T/stockade.conf"
echo 'net_connections = 5; net_refuse = [ "8.8.4.0/24" ];' >>"$T/stockade.conf"

mkdir -m 700 "$T/audit"
echo "audit_dir = \"$T/audit\";" >>"$T/stockade.conf"
push files "$(sign Net::Local "[\"connect\",\"127.0.0.1\",\"$port\"]")"
push files "$(sign Net::World '["connect","169.254.169.254","80"]')"
push files "$(sign Net::World '["connect","8.8.4.4","53"]')"
rcli sadd resque:queues files >/dev/null
worker_drain
check "the worker ends by itself" eq "$RC" 0
check "Redis is refused by name" has "$(grep net.refused "$T/log")" '"stockade.net":"NetRedis"'
check "with its address" has "$(grep NetRedis "$T/log")" '"destination.ip":"127.0.0.1"'
check "and port" has "$(grep NetRedis "$T/log")" "\"destination.port\":$port"
check "and the job's id" has "$(grep '"stockade.net":"NetRedis"' "$T/log")" "$(grep job.started "$T/log" | head -1 | grep -oE '"stockade.job_id":"[0-9a-f]{32}"')"
check "metadata is refused by name" has "$(grep net.refused "$T/log")" NetMetadata
check "the operator's range is refused by name" has "$(grep net.refused "$T/log")" NetConfigured
check "each is counted" has "$(grep worker.stopped "$T/log")" '"stockade.net.NetRedis":1'
check "the failed record says why" has "$(rcli lrange resque:failed 0 -1)" 'NetRedis: the address is the Redis that the worker itself uses'
audit() { "$STOCKADE" audit show --kind net --json "$T/audit"; }
check "the audit trail has each refused destination" eq "$(audit | grep -c '"refused":"Net')" 3
check "with name, address, port and class" has "$(audit | grep NetRedis)" "\"class\":\"Net::Local\",\"refused\":\"NetRedis\",\"host\":\"127.0.0.1\",\"ip\":\"127.0.0.1\",\"port\":$port"
people=$("$STOCKADE" audit show --kind net "$T/audit")
check "people see the name" has "$people" "net       NetRedis"
check "and where to" has "$people" "127.0.0.1 port $port"
check "beneath a title of the same columns" eq "$(printf '%s\n' "$people" | awk 'NR == 1 { print index($0, "at ") } NR == 2 { print index($0, "20") }' | sort -u | wc -l | tr -d ' ')" 1
check "and the chain holds" "$STOCKADE" audit verify "$T/audit"
# one that outlived its worker has init for a parent; those of tests beside this one have theirs
brokers=$(ps -e -o pid=,ppid=,comm= | awk '$2 == 1 && $3 ~ /^stockade-brok/ { print $1 }')
# shellcheck disable=SC2086 # several pids
check "no broker is left" wait_for 20 gone $brokers

# the control: the same job is connected once Redis is reached by a socket only
sed -i "s|^redis = .*|redis = \"unix://$REDIS_SOCK\";|" "$T/stockade.conf"
: >"$T/log"
push files "$(sign Net::Local "[\"connect\",\"127.0.0.1\",\"$port\"]")"
worker_drain
check "what is not the worker's own Redis is connected to" has "$(grep net.connected "$T/log")" '"stockade.net":"Connected"'

# the run ledger's Redis is as much the worker's own as the queues'
rcli acl setuser ledger on ">$(cat "$T/secret/ledger")" '~*' +@all >/dev/null
cp "$T/stockade.conf" "$T/unix.conf"
sed -i "s|^ledger_url = .*|ledger_url = \"redis://127.0.0.1:$port\";|" "$T/stockade.conf"
ledger_init=$("$STOCKADE" ledger init --min-iat 0 --config "$T/stockade.conf" 2>&1) || echo "# $ledger_init"
: >"$T/log"
push files "$(sign Net::Local "[\"connect\",\"127.0.0.1\",\"$port\"]")"
worker_drain
check "the ledger's Redis is refused too" has "$(grep net.refused "$T/log")" '"stockade.net":"NetRedis"'
cp "$T/unix.conf" "$T/stockade.conf"

"$STOCKADE" doctor --config "$T/stockade.conf" --json >"$T/doctor.json" 2>/dev/null
check "doctor starts a broker for each class with the grant" has "$(grep -A3 '"Net::Local"' "$T/doctor.json")" 'its broker starts'
"$PWD/$B/test/stockade-outer" chdir EPERM "$STOCKADE" doctor --config "$T/stockade.conf" --json >"$T/doctor.json" 2>/dev/null
check "and refuses the class where none can be" has "$(grep -A3 '"Net::Local"' "$T/doctor.json")" 'the broker could not shut itself in: could not leave the folder'

check "a range that cannot be read stops the start" sh -c "sed 's|8.8.4.0/24|8.8.4.1/24|' '$T/stockade.conf' >'$T/bad.conf'
	! '$STOCKADE' work --config '$T/bad.conf' >'$T/out' 2>&1 && grep -q net_refuse '$T/out'"

# --- libcurl ---
run() { # run ARGS: result or reason
	TZ="$T/ca/ca.pem" "$STOCKADE" run-job --config "$T/stockade.conf" Net::Curl "$1" 2>&1
}
if ! "$STOCKADE" classes --cage "$CAGE" | grep -q Net::Curl; then
	echo "ok - libcurl in a job # SKIP install libcurl4-openssl-dev and build anew"
	exit 0
fi
if ! command -v openssl >/dev/null; then
	echo "ok - libcurl in a job # SKIP install openssl"
	exit 0
fi
mkdir "$T/ca" "$T/www"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=secure.example \
	-addext subjectAltName=DNS:secure.example,IP:127.0.0.1 -keyout "$T/www/key.pem" -out "$T/ca/ca.pem" 2>/dev/null
echo "over TLS" >"$T/www/page"
tls=$(free_port)
(cd "$T/www" && exec openssl s_server -accept "127.0.0.1:$tls" -cert "$T/ca/ca.pem" -key key.pem -WWW -quiet) >/dev/null 2>&1 &
SERVER=$!
listening() { openssl s_client -connect "127.0.0.1:$tls" </dev/null >/dev/null 2>&1; }
wait_for 10 listening || echo "# the TLS server did not start"
echo "setup_read = [ \"$T/ca\", \"/etc/ssl\" ];" >>"$T/stockade.conf"

check "libcurl fetches over TLS" has "$(run "[\"https://127.0.0.1:$tls/page\",\"127.0.0.1\",\"$tls\"]")" 'over TLS'
check "a host that was not named is not even asked for" has "$(run "[\"https://127.0.0.1:$tls/page\",\"127.0.0.1\",\"1\"]")" 'outcome   Failed'
check "and no lookup was made for it" hasnt "$(run '["https://other.example/","127.0.0.1","1"]')" 'net: '
check "a refusal comes through libcurl by name" has "$(run '["https://10.0.0.1/","10.0.0.1","443"]')" 'NetPrivate'
lonely=$("$STOCKADE" run-job --config "$T/stockade.conf" Net::Names '["connect","127.0.0.1","80"]' 2>&1)
check "a refusal says what would reach it" has "$lonely" 'NetLoopback: the address is this machine'"'"'s own loopback; only CONNECT("address:port") reaches it'
check "with the address that was judged" has "$lonely" 'port 80 (127.0.0.1)'
lonely=$("$STOCKADE" run-job --config "$T/stockade.conf" Net::Names '["connect","127.1","80"]' 2>&1)
check "and no empty one where there is none" has "$lonely" 'port 80: NetNameBad'
check "a certificate for another name is refused" has "$(TZ=/nowhere "$STOCKADE" run-job --config "$T/stockade.conf" Net::Curl "[\"https://127.0.0.1:$tls/page\",\"127.0.0.1\",\"$tls\"]" 2>&1)" 'outcome   Failed'
