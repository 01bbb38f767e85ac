# frozen_string_literal: true

# pruning.rb - items 50 to 60: Ruby workers that start on our host, and dead workers of either kind.

# What makes our workers look for dead ones several times a second.
PRUNES = { "STOCKADE_PRUNE_AFTER" => "1s", "STOCKADE_DEAD_AFTER" => "3s" }.freeze

# A busy worker of ours under Ruby's own host name: nothing about it may change while the block runs.
def untouched(queues: "files,low", workers: 1, **more)
  w = start_on_host(queues: queues, workers: workers, **more)
  w.hold
  ids = w.ids.sort
  before = ids.map { |id| Resque.redis.get("worker:#{id}") }
  yield w
  same(w.ids.sort, ids, "registrations")
  same(ids.map { |id| Resque.redis.get("worker:#{id}") }, before, "what worker:<id> shows")
  same(failed, [], "failed")
  w.release
  w.counts(1)
  same(w.outcomes, %w[Done], "outcome")
  wait_until("one processed job") { stats == [1, 0] }
end

def start_on_host(queues: "files,low", workers: 1, env: {})
  # a beat of 10 s: what stays registered below was never touched, not healed
  Running.new(queues: queues, env: { "STOCKADE_HOST" => HOST, "STOCKADE_BEAT" => "10s",
                                     "STOCKADE_CONCURRENCY" => workers.to_s }.merge(env)).ready(workers)
end

item 50, "a Ruby worker that starts on our host with the same queues leaves our busy worker alone (R)" do
  untouched { ruby_worker_starts(%w[files low]) }
end

item 51, "the same with * (R)" do
  untouched { ruby_worker_starts(%w[*]) }
end

item 52, "the same for every one of four workers, idle and busy (R)" do
  untouched(workers: 4) { ruby_worker_starts(%w[low files]) }
end

item 53, "the same when a queue's name contains resque-web (R)" do
  untouched(queues: "files,resque-web") { ruby_worker_starts(%w[*]) }
end

item 54, "a Ruby worker in another pid namespace: another host part protects us; with the same one our id heals at the next beat and the job counts once (R+unshare)" do
  # shells in containers may not make namespaces; where they may, Ruby sees none of our processes there
  wrap = %w[unshare --user --map-root-user --pid --fork --mount-proc]
  skip!("no user and pid namespaces for this user here") unless system(*wrap, "true", %i[out err] => File::NULL)
  untouched(env: { "STOCKADE_HOST" => "#{HOST}-stockade" }) { ruby_worker_starts(%w[*], wrap: wrap) }
  RAW.flushall
  Running.stop_all
  w = start_on_host(env: { "STOCKADE_BEAT" => "200ms" })
  w.hold
  id = w.id
  ruby_worker_starts(%w[*], wrap: wrap)
  same(JSON.parse(failed[0])["error"], "Job still being processed", "Ruby filed it")
  wait_until("the registration heals", 3) { w.ids == [id] }
  w.release
  w.counts(1)
  wait_until("counted once") { stats[0] == 1 }
  same(failed.size, 1, "no second record")
end

item 55, "kill -9 of a busy worker: after 300 s a starting Ruby worker files PruneDeadWorkerDirtyExit with the class, and the job stays in one place of ours (R)" do
  w = start_on_host
  w.hold
  id = w.id
  Process.kill("KILL", -w.pid)
  w.wait
  # 301 s pass in one step
  Resque.redis.hset("workers:heartbeat", id, (Time.now - 301).iso8601)
  ruby_worker_starts(%w[*])
  record = JSON.parse(failed[0])
  same(record["exception"], "Resque::PruneDeadWorkerDirtyExit", "exception")
  want(record["error"].include?("CsvSummary"), "the class is named: #{record['error']}")
  same(record["worker"], id, "worker")
  want(!Resque.redis.sismember("workers", id), "unregistered")
  same(RAW.keys("resque:stockade:in:*").sum { |key| RAW.llen(key) } + Resque.size("files"), 1, "our own copy")

  # the next worker of ours sees that a foreign tool has filed the job: it drops its copy, nothing runs twice
  Resque.redis.del("pruning_dead_workers_in_progress")
  w = start(env: { "STOCKADE_DEAD_AFTER" => "1s" })
  wait_until("no copy in flight\n#{w.tail(3).join}", 15) { RAW.keys("resque:stockade:in:*").empty? }
  sleep 0.3
  same([Resque.size("files"), failed.size, w.events("job.started").size], [0, 1, 0], "queue, records, starts")
end

# A Ruby worker that died 301 s ago with a job in hand.
def dead_ruby_worker
  "#{HOST}:99999999:files".tap do |dead|
    Resque.redis.sadd("workers", [dead])
    Resque.redis.hset("workers:heartbeat", dead, (Time.now - 301).iso8601)
    Resque.redis.set("worker:#{dead}", JSON.generate("queue" => "files", "run_at" => Time.now.utc.iso8601,
                                                      "payload" => { "class" => "RubyJob", "args" => [1] }))
  end
end

item 56, "our own pruning files a dead Ruby worker's job as Ruby would, and unregisters it (C,W)" do
  dead = dead_ruby_worker
  start(env: { **PRUNES })
  wait_until("the record") { failed.size == 1 }
  record = Resque::Failure.all(0)
  same(record["exception"], "Resque::PruneDeadWorkerDirtyExit", "exception")
  same(record["error"], Resque::PruneDeadWorkerDirtyExit.new(dead, "RubyJob").message, "error, in Ruby's own words")
  same(record.values_at("worker", "queue", "payload"), [dead, "files", { "class" => "RubyJob", "args" => [1] }], "whose job")
  want(!Resque.redis.sismember("workers", dead) && !Resque.redis.exists?("worker:#{dead}"), "unregistered")
  page("/failed")
end

item 57, "of several workers of ours only one prunes: Resque's own lock, which keeps a starting Ruby worker from it too (C,R)" do
  dead_ruby_worker
  w = Running.new(env: { "STOCKADE_CONCURRENCY" => "4", **PRUNES }).ready(4)
  wait_until("the record") { failed.size == 1 }
  want(w.ids.include?(Resque.redis.get("pruning_dead_workers_in_progress")), "one of ours holds the lock")
  want(Resque.redis.ttl("pruning_dead_workers_in_progress").between?(1, 60), "which expires as Ruby's")
  held = Resque.redis.get("pruning_dead_workers_in_progress")
  dead_ruby_worker
  ruby("Resque::Worker.new('*').work(0)")
  same(Resque.redis.get("pruning_dead_workers_in_progress"), held, "whose lock it is")
  wait_until("the second record") { failed.size == 2 && w.events("worker.pruned").size == 2 }
  sleep 1.2
  same(w.events("worker.pruned").map { |l| l["process.pid"] }, [held.split(":")[1].to_i] * 2, "who pruned, once each")
  same(failed.size, 2, "records: the Ruby worker that started pruned nothing")
end

item 58, "garbage in workers and workers:heartbeat does not stop us (C)" do
  Resque.redis.sadd("workers", ["name", "host:1", "garbage", "", "a:b:c:d", "\xff\xfe".b])
  Resque.redis.mapped_hmset("workers:heartbeat", "name" => "garbage", "host:1" => "", "x:1:q" => "1700000000")
  w = start(env: { **PRUNES })
  good
  w.counts(1)
  same(w.outcomes, %w[Done], "outcome")
  wait_until("a pruning pass") { Resque.redis.get("pruning_dead_workers_in_progress") }
  sleep 0.2
  same([w.stop, failed.size], [0, 0], "exit code, records")
end

item 60, "workers that goworker would register on our host, without a heartbeat, stay (C)" do
  other = ["#{HOST}:123-0:files", "#{HOST}:123-poller:files"]
  Resque.redis.sadd("workers", other)
  w = start_on_host(env: { "STOCKADE_BEAT" => "200ms", **PRUNES })
  wait_until("a pruning pass") { Resque.redis.get("pruning_dead_workers_in_progress") }
  sleep 0.2
  same(w.stop, 0, "exit code")
  same(Resque.redis.smembers("workers").sort, other.sort, "workers")
end
