// conformance.js - signs the genuine jobs of tests/vectors/signing.json again and compares bytes.
//   node contrib/clients/node/conformance.js tests/vectors/signing.json        prints TAP lines
'use strict';
const { readFileSync } = require('node:fs');
const stockade = require('./stockade.js');

const vectors = JSON.parse(readFileSync(process.argv[2] || `${__dirname}/../../../tests/vectors/signing.json`, 'utf8'));
const keys = new Map(vectors.config.keys.map((k) => [k.kid, stockade.parseKey(`${k.alg}:${k.test_secret}`)]));
let failed = 0;
let n = 0;
function ok(good, sentence) {
  n += 1;
  if (!good) failed += 1;
  console.log(`${good ? 'ok' : 'not ok'} ${n} - ${sentence}`);
}

const raw = (c) => Buffer.from(c.raw_b64, 'base64').toString('utf8');
function fields(header) {
  return Object.fromEntries(header.split(';').slice(1).map((p) => [p.slice(0, p.indexOf('=')), p.slice(p.indexOf('=') + 1)]));
}
function again(c) {
  const [header, body] = JSON.parse(raw(c)).args;
  const f = fields(header);
  return stockade.sign({ key: keys.get(f.kid), kid: f.kid, aud: f.aud, queues: f.q.split(','), cls: f.cls, args: body,
    runs: Number(f.runs), now: Number(f.iat), notBefore: Number(f.nbf), exp: Number(f.exp), jti: f.jti, ref: f.ref });
}

// What a signer could have written: a verified signature, its own class outside, times in order.
function genuine(c) {
  if (!c.auth) return false;
  const job = JSON.parse(raw(c));
  const f = fields(job.args[0]);
  return f.cls === job.class && Number(f.iat) <= Number(f.nbf) && Number(f.nbf) < Number(f.exp);
}
const all = vectors.cases.filter(genuine);
let identical = 0;
for (const c of all) {
  const job = again(c);
  if (JSON.stringify(job) === raw(c)) { identical += 1; ok(true, `signed again byte for byte: ${c.name}`); }
  else ok(JSON.stringify(job.args) === JSON.stringify(JSON.parse(raw(c)).args), `another outer object, the same three texts: ${c.name}`);
}
ok(identical >= 15, `at least 15 vectors are byte-identical (${identical} of ${all.length})`);

function refuses(sentence, change) {
  const good = { key: keys.get('cron-1'), kid: 'k', aud: 'a', queues: ['q'], cls: 'C', args: [], now: 1, ttl: 1 };
  let threw = false;
  try { stockade.sign({ ...good, ...change }); } catch { threw = true; }
  ok(threw, `refused before signing: ${sentence}`);
}
refuses('a queue with a comma', { queues: ['a,b'] });
refuses('nine queues', { queues: 'abcdefghi'.split('') });
refuses('arguments that are no array', { args: '{}' });
refuses('arguments on two lines', { args: '[\n]' });
refuses('an end before the beginning', { exp: 1 });
refuses('no run at all', { runs: 0 });
refuses('a header field that smuggles another', { ref: 'x;runs=100' });
refuses('a header field that ends with a line break', { ref: 'x\n' });
process.exit(failed === 0 ? 0 : 1);
