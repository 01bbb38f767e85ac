#!/bin/sh
# DeliverWebhook against a real TLS server: what it sends is signed as Standard Webhooks has it, what
# the receiver answers decides, and what must not be reached is refused by name.
. tests/stage.sh
NET=$PWD/$B/test/net-cage
trap 'stop; stage_down' EXIT
stop() { [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null; SERVER=; }

stage_up
if ! "$STOCKADE" classes --cage "$CAGE" | grep -q DeliverWebhook; then
	echo "ok - DeliverWebhook # SKIP install libcurl4-openssl-dev and build anew"
	exit 0
fi
if ! command -v openssl >/dev/null; then
	echo "ok - DeliverWebhook # SKIP install openssl"
	exit 0
fi
authority() { # authority NAME: a key and a certificate for 127.0.0.1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null
}
authority receiver
authority other
key=$(openssl rand 32 | tee "$T/raw" | base64)
old=$(openssl rand 24 | tee "$T/raw-old" | base64)
printf 'whsec_%s whsec_%s\n' "$key" "$old" >"$T/secret/webhook"
chmod 400 "$T/secret/webhook"
settings() { # settings PEM-FILE [SECRET-FILE]
	write_config
	{
		echo "secrets = { webhook = \"${2:-$T/secret/webhook}\"; };"
		printf 'settings = { webhook_ca = "%s"; };\n' "$(awk '{ printf "%s\\n", $0 }' "${1:-/dev/null}")"
	} >>"$T/stockade.conf"
}
settings "$T/receiver.pem"
port=$(free_port)

# serve REPLY: one TLS connection; what was heard is in $T/heard, the reply is sent when the body came
serve() {
	rm -f "$T/say" "$T/heard"
	mkfifo "$T/say"
	openssl s_server -accept "127.0.0.1:$port" -cert "$T/receiver.pem" -key "$T/receiver.key" -quiet -naccept "${2:-1}" \
		<"$T/say" >"$T/heard" 2>/dev/null &
	SERVER=$!
	exec 9>"$T/say"
	wait_for 10 listening || echo "# the TLS server did not start"
	(
		tries=0
		while [ $tries -lt 200 ] && ! grep -qa 'payload-ends' "$T/heard"; do
			tries=$((tries + 1))
			sleep 0.05
		done
		# shellcheck disable=SC2059 # the reply's own line ends
		[ -z "$1" ] || printf "$1" >"$T/say"
	) &
	REPLY_PID=$!
}
listening() { awk -v p="$(printf '%04X' "$port")" '$2 ~ ":" p "$" && $4 == "0A" { f = 1 } END { exit !f }' /proc/net/tcp; }
served() {
	exec 9>&-
	kill "$SERVER" "$REPLY_PID" 2>/dev/null
	wait "$SERVER" "$REPLY_PID" 2>/dev/null
	SERVER=
}
body='{\"event\":\"paid\",\"n\":1,\"x\":\"payload-ends\"}'
sent=$(printf '%s' "$body" | sed 's/\\"/"/g')
run() { # run URL [ARGS...]: what run-job says
	"$STOCKADE" run-job --config "$T/stockade.conf" --cage "$NET" Net::Webhook "[\"$1\",\"$body\"${2:-}]" 2>&1
}
deliver() { # deliver REPLY: into $out, with $heard
	serve "$1"
	out=$(run "https://127.0.0.1:$port/hook?a=b")
	served
}
header() { grep -ai "^$1: " "$T/heard" | tr -d '\r' | sed 's/^[^:]*: //'; }
hmac() { printf '%s.%s.%s' "$1" "$2" "$sent" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(od -An -tx1 "$3" | tr -d ' \n')" -binary | base64; }

deliver 'HTTP/1.1 204 No Content\r\n\r\n'
check "a receiver that takes it: Done" has "$out" 'Done'
check "the result has its status" has "$out" 'status\":204'
check "it is a POST to the URL's path" has "$(head -1 "$T/heard")" 'POST /hook?a=b HTTP/1.1'
check "its body is the argument, byte for byte" has "$(tail -1 "$T/heard")" "$sent"
check "its type is JSON's" eq "$(header content-type)" application/json
check "its id is the job's: 32 hex digits" sh -c "echo '$(header webhook-id)' | grep -qE '^[0-9a-f]{32}$'"
now=$(date +%s) stamp=$(header webhook-timestamp)
check "its timestamp is now" test "$stamp" -le "$now" -a "$stamp" -gt $((now - 60))
check "its signatures are HMAC-SHA-256 by both keys, newest first" eq "$(header webhook-signature)" \
	"v1,$(hmac "$(header webhook-id)" "$stamp" "$T/raw") v1,$(hmac "$(header webhook-id)" "$stamp" "$T/raw-old")"
check "no key is in it" hasnt "$(cat "$T/heard")" whsec_

deliver 'HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n'
check "503: again later" has "$out" RetryAsked
check "when the receiver says" has "$out" '120 s'
deliver 'HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n'
check "500: again later" has "$out" RetryAsked
check "in five seconds at first" has "$out" 'again in 5 s'
deliver 'HTTP/1.1 429 Slow\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n'
check "429 that asks for years: an hour" has "$out" 'again in 3600 s'
deliver 'HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n'
check "a redirect to a metadata service is not followed: Failed" has "$out" 'redirects are not followed'
check "and no connection was asked for" eq "$(echo "$out" | grep -c '^net: ')" 1
deliver 'HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n'
check "410: Failed" has "$out" 'wants no more of these'
deliver 'HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno'
check "400: Failed" has "$out" 'the receiver answered 400'
deliver "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n$(head -c 200000 /dev/zero | tr '\0' x)"
check "a reply that does not end is cut; its status counts" has "$out" 'status\":200'
deliver ''
check "a receiver that says nothing: again later" has "$out" RetryAsked
check "for the timeout" has "$out" 'Timeout was reached'
deliver 'SSH-2.0-OpenSSH\r\n'
check "a receiver that speaks no HTTP: again later" has "$out" RetryAsked

out=$(run "https://127.0.0.1:$port/")
check "nobody listens: again later" has "$out" RetryAsked
check "by its name" has "$out" NetConnectFailed
settings "$T/other.pem"
deliver 'HTTP/1.1 204 No Content\r\n\r\n'
check "a certificate of another authority: Failed" has "$out" 'TLS: '
check "and nothing was sent" eq "$(wc -c <"$T/heard" | tr -d ' ')" 0
settings "$T/receiver.pem" "$T/secret/bad"
printf 'just a password' >"$T/secret/bad" && chmod 400 "$T/secret/bad"
out=$(run "https://127.0.0.1:$port/")
check "a secret that is no whsec_ key: Failed" has "$out" "of the form whsec_BASE64"
check "and is not told" hasnt "$out" 'just a password'

# the line of the product: any public host, and nothing else
settings "$T/receiver.pem"
product() { "$STOCKADE" run-job --config "$T/stockade.conf" --cage "$CAGE" DeliverWebhook "[\"$1\",\"{}\"]" 2>&1; }
while read -r url name; do
	out=$(product "$url")
	check "$url is refused: $name" has "$out" "$name"
	check "$url: Failed" has "$out" Failed
done <<END
https://127.0.0.1/ NetLoopback
https://2130706433/ NetLoopback
https://[::1]/ NetLoopback
https://[::ffff:127.0.0.1]/ NetLoopback
https://169.254.169.254/latest/ NetMetadata
https://10.1.2.3/ NetPrivate
https://192.168.0.1:443/x NetPrivate
https://8.8.8.8:8443/ NetUnlisted
https://user:pw@example.com/ user
END
check "http is no URL for it: E_SCHEMA" has "$(product http://example.com/)" E_SCHEMA
check "a header in the type is refused: E_SCHEMA" has "$(run https://127.0.0.1/ ',"text/plain\r\nx: y"')" E_SCHEMA
