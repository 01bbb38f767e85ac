#!/bin/sh
# In the machine, under systemd: an instance of stockade@.service from nothing, a job, a reload, a supervisor that
# stands still, and an end.
cd /srv/stockade || exit 1
export B=build
. tests/stage.sh
T=$(mktemp -d)
echo "# systemd $(systemctl --version | head -1 | sed 's/systemd //'), $(systemctl is-system-running)"
S=/run/redis/sock
mkdir -p /run/redis /srv/inputs /etc/stockade /srv/keys
echo hello >/srv/inputs/hello.txt
redis-server --port 0 --unixsocket $S --unixsocketperm 777 --save '' --daemonize yes --dir /run/redis --maxmemory-policy noeviction >/dev/null
rcli() { redis-cli -s $S "$@"; }
wait_for 30 rcli ping
cd /etc/stockade || exit 1
stockade keys generate --kid web-1 --principal web --out /srv/keys >/srv/stanza
{ echo 'audiences = [ "prod/files" ]; principals = ('; grep -v '^#' /srv/stanza | sed 's/"QUEUE"/"files"/; s/"Class"/"ChecksumFile"/'; echo ');'; } >policy.conf
cat >files.conf <<END
redis = "unix://$S";
ledger_url = "unix://$S";
ledger_user = "ledger";
ledger_password_file = "/run/credentials/stockade@files.service/ledger";
queues = [ "files" ];
policy = "/etc/stockade/policy.conf";
directories = { inputs = "/srv/inputs"; };
audit_dir = "/var/lib/stockade/files/audit";
metrics_listen = "unix:///run/stockade/files/metrics.sock";
cgroup = "require";
END
(umask 077 && head -c 24 /dev/urandom | base64 >files.ledger-password && echo unused >files.redis-password)
sed 's|/run/credentials/stockade@files.service/ledger|/etc/stockade/files.ledger-password|' files.conf >/srv/by-hand.conf
stockade ledger acl --config /srv/by-hand.conf | rcli >/dev/null
stockade ledger init --min-iat 0 --config /srv/by-hand.conf >/dev/null
enqueue() { stockade enqueue --redis "unix://$S" --key /srv/keys/web-1.key --kid web-1 --aud prod/files --queue files --class ChecksumFile '["hello.txt"]'; }
processed() { [ "$(rcli get resque:stat:processed)" = "$1" ]; }
property() { systemctl show -P "$1" stockade@files; }
has_become() { [ "$(property "$1")" = "$2" ]; }
said() { journalctl -u stockade@files -o cat --no-pager | grep -aq "$1"; }
mkdir -p /etc/systemd/system/stockade@files.service.d
printf '[Service]\nWatchdogSec=40\n' >/etc/systemd/system/stockade@files.service.d/patience.conf
systemctl daemon-reload

check "systemctl start waits until a worker is ready" systemctl start stockade@files
check "it was told so" has_become StatusText "Supervising 1 workers"
check "by the event too" said '"event.action":"worker.started"'
check "its user is nobody else's" sh -c "[ \$(systemctl show -P UID stockade@files) -gt 60000 ]"
check "its cgroup is delegated, with controllers" said 'memory.*"event.action":"cgroup.ready"'
check "no layer is missing that is asked for" sh -c "! journalctl -u stockade@files -o cat --no-pager | grep -a 'layer.degraded'"
enqueue >/dev/null
check "a job runs" wait_for 60 processed 1
check "with its limits in a group of its own" sh -c "cat /sys/fs/cgroup/system.slice/system-stockade.slice/stockade@files.service/stockade-job-*/memory.max | grep -qx '[0-9]*'"
check "what it did is in its trail" sh -c "stockade audit verify /var/lib/stockade/files/audit"
check "its metrics answer" sh -c "curl -s --unix-socket /run/stockade/files/metrics.sock http://x/readyz | grep -q ."
touch /etc/stockade/policy.conf
check "systemctl reload" systemctl reload stockade@files
check "loads the policy again" wait_for 30 said '"event.action":"policy.reloaded"'
kill -STOP "$(property MainPID)"
again() { [ "$(property NRestarts)" -ge 1 ] && has_become SubState running; }
check "a supervisor that stands still is started anew" wait_for 120 again
enqueue >/dev/null
check "and works" wait_for 60 processed 2
systemctl stop stockade@files
check "systemctl stop is a clean end" has_become Result success
sed -i 's/^queues/qeues/' files.conf
check "control: a configuration that is wrong does not start" sh -c "! systemctl start stockade@files"
check "and is not tried again: 78" sh -c "sleep 12; [ \"\$(systemctl show -P ExecMainStatus stockade@files) \$(systemctl show -P SubState stockade@files)\" = '78 failed' ]"
journalctl -u stockade@files -o cat --no-pager | tail -n 30 | cut -c1-400 | sed 's/^/# /'
echo "# the machine is done"
sync
echo o >/proc/sysrq-trigger
sleep 60
