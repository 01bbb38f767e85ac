// stockade.js - signs jobs for a stockade worker (STK1, see PROTOCOL.md) with node's own crypto.
// Called by producers that already hold a private key file; checks what a worker would refuse anyway.
'use strict';
const { createHmac, createPrivateKey, randomBytes, sign: edSign } = require('node:crypto');
const { readFileSync, statSync } = require('node:fs');

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex'); // RFC 8410, then the seed
const FIELDS = {
  kid: /^[A-Za-z0-9_.-]{1,64}$/, aud: /^[A-Za-z0-9_.+:/-]{1,64}$/, queue: /^[A-Za-z0-9_.:-]{1,64}$/,
  cls: /^[A-Za-z_][A-Za-z0-9_:]{0,127}$/, jti: /^[A-Za-z0-9_-]{16,64}$/, ref: /^[A-Za-z0-9_.+:/-]{1,64}$/,
};

function field(name, value) {
  if (typeof value !== 'string' || !FIELDS[name].test(value)) throw new TypeError(`stockade: ${name} is not ${FIELDS[name]}`);
  return value;
}

// One line `ed25519:<43 base64url>` or `hmac-sha256:<43 base64url>` -> an opaque signing key.
function parseKey(line) {
  const m = /^(ed25519|hmac-sha256):([A-Za-z0-9_-]{43})\r?\n?$/.exec(line);
  if (!m) throw new TypeError('stockade: a key file is one line, ed25519:… or hmac-sha256:…');
  const secret = Buffer.from(m[2], 'base64url');
  if (m[1] === 'hmac-sha256') return (message) => createHmac('sha256', secret).update(message).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, secret]), format: 'der', type: 'pkcs8' });
  return (message) => edSign(null, message, key);
}

// A key file that group may write, or others may touch at all, is refused, as stockade itself does.
function loadKey(path) {
  if (statSync(path).mode & 0o337) throw new Error(`stockade: ${path} must have mode 0440 or less`);
  return parseKey(readFileSync(path, 'utf8'));
}

// The signature over exactly these two texts.
function seal(key, header, body) {
  return key(Buffer.from(`stockade-job-v1\n${header}\n${body}`, 'utf8')).toString('base64url');
}

// -> { class, args: [H, B, S] }. `args` is an array, or its exact JSON text. Times are seconds.
function sign({ key, kid, aud, queues, cls, args, runs = 5, ttl = 7 * 86400, now = Math.floor(Date.now() / 1000),
  notBefore = now, exp = notBefore + ttl, jti = randomBytes(16).toString('base64url'), ref = '-' }) {
  const body = typeof args === 'string' ? args : JSON.stringify(args);
  // eslint-disable-next-line no-control-regex
  if (!/^\[.*\]$/s.test(body) || /[\x00-\x1f]/.test(body)) throw new TypeError('stockade: args must be one JSON array on one line');
  if (!Array.isArray(queues) || queues.length < 1 || queues.length > 8) throw new TypeError('stockade: queues are 1 to 8 names');
  for (const n of [now, notBefore, exp]) if (!Number.isSafeInteger(n) || n < 0 || n > 99999999999) throw new TypeError('stockade: times are seconds');
  if (notBefore < now || exp <= notBefore) throw new RangeError('stockade: now <= notBefore < exp must hold');
  if (!Number.isInteger(runs) || runs < 1 || runs > 100) throw new RangeError('stockade: runs are 1 to 100');
  const header = `stk1;kid=${field('kid', kid)};aud=${field('aud', aud)};q=${queues.map((q) => field('queue', q)).join(',')}`
    + `;cls=${field('cls', cls)};jti=${field('jti', jti)};iat=${now};nbf=${notBefore};exp=${exp};runs=${runs};ref=${field('ref', ref)}`;
  if (header.length > 1024) throw new RangeError('stockade: the header is over 1024 bytes; name fewer queues');
  return { class: cls, args: [header, body, seal(key, header, body)] };
}

// Through a node-resque Queue, an ioredis or a redis client with multi(): queue's name, then the job.
async function enqueue(redis, namespace, queue, job) {
  const text = JSON.stringify(job);
  const key = `${namespace}:queue:${queue}`;
  const multi = redis.multi();
  (multi.sadd || multi.sAdd).call(multi, `${namespace}:queues`, queue);
  (multi.rpush || multi.rPush).call(multi, key, text);
  return multi.exec();
}

module.exports = { parseKey, loadKey, seal, sign, enqueue };
