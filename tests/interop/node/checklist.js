// checklist.js - the compatibility checklist's items that node-resque can confirm, in their own numbers,
// against `stockade work` as a real process. Trusts the environment that node-resque.sh makes.
'use strict';
const { spawn } = require('node:child_process');
const { readFileSync, writeFileSync } = require('node:fs');
const assert = require('node:assert/strict');
const Redis = require('ioredis');
const { Queue, Scheduler } = require('node-resque');
const stockade = require('../../../contrib/clients/node/stockade.js');

const { T, REDIS_SOCK, STOCKADE } = process.env;
const key = stockade.loadKey(`${T}/keys/web-1.key`);
const redis = new Redis({ path: REDIS_SOCK });
const connection = { pkg: 'ioredis', redis, namespace: 'resque' };
const queue = new Queue({ connection });
const worker = {};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(what, test, seconds = 15) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(30)) {
    const found = await test();
    if (found) return found;
  }
  throw new Error(`not within ${seconds} s: ${what}\n${readFileSync(`${T}/log`, 'utf8').split('\n').slice(-4).join('\n')}`);
}
const events = (action) => readFileSync(`${T}/log`, 'utf8').split('\n').filter((l) => l.includes(`"event.action":"${action}"`)).map((l) => JSON.parse(l));
const finished = (n) => until(`${n} finished jobs`, () => events('job.finished').length >= n && events('job.finished'));
const sign = (cls, args, more = {}) => stockade.sign({ key, kid: 'web-1', aud: 'test/house', queues: ['files'], cls, args, ...more });
const enqueue = (job) => queue.enqueue('files', job.class, job.args);
async function record(n) {
  await until(`${n} records`, async () => (await queue.failedCount()) >= n);
  return queue.failed(0, -1);
}
// A busy worker: its job's process is stopped in the middle until release().
async function hold() {
  const n = events('job.started').length;
  await enqueue(sign('CsvSummary', ['long.csv']));
  const started = await until('a started job', () => events('job.started')[n]);
  process.kill(started['stockade.pid'], 'SIGSTOP');
  await until('a stopped process', () => readFileSync(`/proc/${started['stockade.pid']}/status`, 'utf8').includes('State:\tT'));
  await until('worker:<id>', () => redis.exists(`resque:worker:${worker.id}`));
  return () => process.kill(started['stockade.pid'], 'SIGCONT');
}

let failures = 0;
async function item(number, sentence, body) {
  try {
    await redis.del('resque:failed', 'resque:stat:processed', 'resque:stat:failed');
    writeFileSync(`${T}/log`, '');
    await body();
    console.log(`ok ${number} - ${sentence}`);
  } catch (e) {
    failures += 1;
    console.log(`not ok ${number} - ${sentence}\n#   ${String(e.message).replace(/\n/g, '\n#   ')}`);
  }
}

async function main() {
  await queue.connect();
  const process_ = spawn(STOCKADE, ['work', '--config', `${T}/stockade.conf`], { stdio: ['ignore', 'ignore', 'pipe'] });
  process_.stderr.on('data', (bytes) => writeFileSync(`${T}/log`, bytes, { flag: 'a' }));
  const ended = new Promise((done) => { process_.on('exit', done); });
  worker.id = await until('a registration', async () => (await redis.smembers('resque:workers'))[0]);
  const [host, pid] = worker.id.split(':');
  const name = `${host}:${pid}`;

  await item(10, 'workers() maps host:pid to the queue list (N)', async () => {
    assert.deepEqual(await queue.workers(), { [name]: 'files,low' });
  });
  await item(22, 'what node-resque enqueues runs, first in, first out (N)', async () => {
    for (const ref of ['a', 'b', 'c']) await enqueue(sign('ChecksumFile', ['x.txt'], { ref }));
    assert.deepEqual((await finished(3)).map((l) => l['event.reason']), ['Done', 'Done', 'Done']);
    assert.deepEqual(events('job.admitted').map((l) => l['stockade.ref']), ['a', 'b', 'c']);
    assert.equal(await queue.length('files'), 0);
  });
  await item(29, 'workingOn() and allWorkingOn() parse what a busy worker shows (N)', async () => {
    const release = await hold();
    try {
      const on = JSON.parse(await queue.workingOn(name, 'files,low'));
      assert.deepEqual(Object.keys(on), ['queue', 'run_at', 'payload']);
      assert.equal(on.payload.class, 'CsvSummary');
      assert.equal(on.payload.queue, 'files');
      assert.ok(Math.abs(Date.parse(on.run_at) - Date.now()) < 5000);
      assert.equal(Object.keys(await queue.allWorkingOn())[0], name);
    } finally { release(); }
    await finished(1);
  });
  await item(32, 'stats() counts a good job for all and for the worker (N)', async () => {
    const mine = Number((await queue.stats())[`processed:${worker.id}`] || 0);
    await enqueue(sign('ChecksumFile', ['x.txt']));
    await until('the statistic', async () => (await queue.stats()).processed === '1');
    assert.equal((await queue.stats())[`processed:${worker.id}`], String(mine + 1));
    assert.equal(await queue.failedCount(), 0);
  });
  await item(38, 'failed() parses records, and JSON.stringify writes their very bytes again (N)', async () => {
    await enqueue(sign('ChecksumFile', ['missing é \u2028 \u0001.txt'], { runs: 2 }));
    const [text] = [await record(1), await redis.lindex('resque:failed', 0)].slice(1);
    assert.equal(JSON.stringify(JSON.parse(text)), text);
    assert.deepEqual(Object.keys(JSON.parse(text)), ['failed_at', 'payload', 'exception', 'error', 'backtrace', 'worker', 'queue']);
    assert.ok(Math.abs(Date.parse(JSON.parse(text).failed_at) - Date.now()) < 5000);
    assert.equal((await queue.stats()).failed, '1');
  });
  await item(44, 'retryAndRemoveFailed() finds our record, and the retried job runs with its signature (N)', async () => {
    await enqueue(sign('ChecksumFile', ['later.txt'], { runs: 2 }));
    const [failed] = await record(1);
    assert.equal(failed.exception, 'Stockade::Failed');
    writeFileSync(`${T}/inputs/later.txt`, 'here\n');
    await queue.retryAndRemoveFailed(failed);
    assert.equal((await finished(2))[1]['event.reason'], 'Done');
    assert.equal(await queue.failedCount(), 0);
  });
  await item(46, 'refusal notes: retryAndRemoveFailed() is dropped and counted, retryStuckJobs() reads past them (N)', async () => {
    await redis.rpush('resque:queue:files', 'not json', '{"class":"ChecksumFile","args":["x.txt"]}');
    const notes = await record(2);
    assert.deepEqual(notes.map((n) => n.payload.class), ['Stockade::Refused', 'Stockade::Refused']);
    await queue.retryStuckJobs();
    await queue.retryAndRemoveFailed(notes[0]);
    await until('an empty queue', async () => (await queue.length('files')) === 0 && (await redis.keys('resque:stockade:in:*')).length === 0);
    assert.equal(await queue.failedCount(), 1);
  });
  await item(59, 'cleanOldWorkers() leaves our id, our job and failed alone (N)', async () => {
    const release = await hold();
    const complaints = [];
    queue.on('error', (e) => complaints.push(String(e)));
    try {
      await sleep(1100);
      await queue.cleanOldWorkers(1);
      assert.deepEqual(complaints, ['force-cleaning worker undefined, but cannot find queues']);
      assert.deepEqual(await queue.workers(), { [name]: 'files,low' });
      assert.ok(await redis.exists(`resque:worker:${worker.id}`));
      assert.equal(await queue.failedCount(), 0);
    } finally { release(); }
    assert.equal((await finished(1))[0]['event.reason'], 'Done');
    // as with any busy worker of Ruby's form it counts one failure of a worker "undefined"
    assert.equal((await queue.stats()).failed, '1');
  });
  await item(77, "a signed job through enqueueIn() and node-resque's own scheduler (N)", async () => {
    const scheduler = new Scheduler({ connection, timeout: 200 });
    await scheduler.connect();
    scheduler.start();
    try {
      const notBefore = Math.floor(Date.now() / 1000) + 2;
      const job = sign('ChecksumFile', ['x.txt'], { notBefore });
      await queue.enqueueAt(notBefore * 1000, 'files', job.class, job.args);
      assert.equal((await finished(1))[0]['event.reason'], 'Done');
      assert.ok(Date.now() / 1000 >= notBefore);
    } finally { await scheduler.end(); }
  });
  await item(61, 'after TERM workers() and stats() know nothing of us (N)', async () => {
    process_.kill('SIGTERM');
    assert.equal(await ended, 0);
    assert.deepEqual(await queue.workers(), {});
    assert.deepEqual(Object.keys(await queue.stats()).filter((k) => k.includes(name)), []);
  });
  redis.disconnect();
}

main().then(() => process.exit(failures === 0 ? 0 : 1), (e) => { console.log(`not ok - ${e.stack}`); process.exit(1); });
