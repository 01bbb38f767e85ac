# frozen_string_literal: true

# moving.rb - items 71 to 80: Redis's ways, an operator's hand on a busy worker, and tools that move jobs.

item 73, "PIDFILE has the pid without a line break; BACKGROUND detaches: the caller gets 0, the pidfile names the daemon (C)" do
  w = start(env: { "PIDFILE" => "#{T}/pid" })
  same(File.read("#{T}/pid"), w.pid.to_s, "pid")
  w.stop
  w = Running.new(env: { "PIDFILE" => "#{T}/pid2", "BACKGROUND" => "1" })
  same(w.wait, 0, "the caller's exit code")
  wait_until("a registration") { Resque.workers.size == 1 }
  daemon = File.read("#{T}/pid2").to_i
  begin
    parent = File.read("/proc/#{Resque.workers[0].to_s.split(':')[1]}/stat").split[3].to_i
    same(parent, daemon, "the daemon is the worker's supervisor")
  ensure
    Process.kill("TERM", daemon)
  end
  wait_until("its end") { Resque.workers.empty? }
end

item 74, "VERBOSE and VVERBOSE write the lines that Ruby's formatters do (R)" do
  w = start(env: { "VERBOSE" => "1" })
  File.readlines(w.log).each do |line|
    same(Resque::VerboseFormatter.new.call(nil, nil, nil, line[/\*\*\* (\S.*)/, 1]), line, "VERBOSE")
  end
  w.stop
  w = start(env: { "VVERBOSE" => "1" })
  good
  wait_until("a job") { stats == [1, 0] }
  form = /\[\d\d:\d\d:\d\d \d{4}-\d\d-\d\d\] \d+: /
  File.readlines(w.log).each do |line|
    ruby = Resque::VeryVerboseFormatter.new.call(nil, nil, nil, line.split(form, 2)[1].to_s.chomp)
    same(line.sub(form, "[] : "), ruby.sub(form, "[] : "), "VVERBOSE, but for time and pid")
  end
end

item 75, "resque remove of our busy worker: Ruby files the job, our finish counts once and does not crash (R)" do
  w = start
  w.hold
  id = w.id
  Resque.remove_worker(id)
  same(JSON.parse(failed[0])["error"], "Job still being processed", "Ruby's record")
  w.release
  w.counts(1)
  same(w.outcomes, %w[Done], "outcome")
  wait_until("one processed job") { stats == [1, 0] }
  wait_until("the registration heals", 3) { w.ids == [id] }
  good
  w.counts(2)
  same(failed.size, 1, "Ruby's record alone")

  # the same while the job fails: Ruby's record stands for it
  File.write("#{T}/inputs/broken.csv", "a,b\n#{"1,2\n" * 6_000_000}1,2,3\n")
  enqueue("CsvSummary", ["broken.csv"], runs: 2)
  w.held(2)
  Resque.remove_worker(id)
  w.release
  w.counts(3)
  wait_until("the settlement") { RAW.keys("resque:stockade:in:*").empty? }
  same([failed.size, stats[0]], [2, 3], "one record for the failed job, three processed")
  same(w.events("worker.stopped"), [], "the worker never ended")
  same(w.stop, 0, "exit code")
end

item 76, "a namespace with a slash, a database number and a unix socket (C, R)" do
  ruby = Redis::Namespace.new("a/b", redis: Redis.new(path: SOCK, db: 3))
  ledger = "#{STOCKADE} ledger %s --config #{T}/stockade.conf"
  system({ "RESQUE_NAMESPACE" => "a/b" }, "#{format(ledger, "acl")} | redis-cli -s #{ENV.fetch("LEDGER_SOCK")} >/dev/null && " \
         "#{format(ledger, "init --min-iat 0")} >/dev/null")
  w = Running.new(env: { "STOCKADE_REDIS" => "unix://#{SOCK}?db=3", "RESQUE_NAMESPACE" => "a/b" })
  wait_until("a registration") { ruby.scard("workers") == 1 }
  signed = job("ChecksumFile", ["x.txt"])
  ruby.rpush("queue:files", JSON.generate(signed))
  w.counts(1)
  same(w.outcomes, %w[Done], "outcome")
  same(ruby.get("stat:processed"), "1", "stat:processed")
  same(RAW.dbsize, 0, "database 0 stays empty")
ensure
  # the user is made for one namespace: the others' again
  system("#{format(ledger, "acl")} | redis-cli -s #{ENV.fetch("LEDGER_SOCK")} >/dev/null")
end

# resque-scheduler as a process of its own; it knows no class of ours.
def with_scheduler(schedule = {})
  libs = ENV.fetch("RESQUE_LIB").split(":").flat_map { |l| ["-I", l] }
  code = "require 'resque'; require 'resque-scheduler'; Resque.redis = Redis::Namespace.new('resque', redis: Redis.new(path: ENV['REDIS_SOCK'])); " \
         "Resque.schedule = JSON.parse(ENV['SCHEDULE']) unless ENV['SCHEDULE'] == '{}'; " \
         "Resque::Scheduler.configure { |c| c.poll_sleep_amount = 0.2; c.quiet = true }; Resque::Scheduler.run"
  pid = Process.spawn({ "SCHEDULE" => JSON.generate(schedule) }, "ruby", *libs, "-rjson", "-e", code, %i[out err] => "#{T}/scheduler.log")
  wait_until("the scheduler is master") { !RAW.keys("*resque_scheduler_master_lock").empty? }
  yield
rescue Broken => e
  raise Broken, "#{e.message}\nscheduler: #{File.read("#{T}/scheduler.log").lines.last(3).join}"
ensure
  Process.kill("KILL", pid)
  Process.wait(pid)
end

def delay(signed, seconds, queue: "files")
  Resque.enqueue_at_with_queue(queue, Time.now + seconds, signed["class"], *signed["args"])
end

item 77, "a signed job enqueued in 2 s, of a class unknown to Ruby, goes delayed -> queue -> done (S)" do
  w = start
  at = Time.now.to_i + 2
  signed = job("ChecksumFile", ["x.txt"], not_before: at)
  with_scheduler do
    delay(signed, 2)
    same(Resque.delayed_queue_schedule_size, 1, "one delayed timestamp")
    w.counts(1)
  end
  same(w.outcomes, %w[Done], "outcome")
  want(Time.now.to_i >= at, "not before its time")
  same(Resque.delayed_queue_schedule_size, 0, "nothing delayed is left")
  same([failed.size, stats], [0, [1, 0]], "statistics")
end

item 78, "Queue now, a recurring schedule with signed arguments, and its Queue now button (S, web)" do
  w = start
  delay(job("ChecksumFile", ["x.txt"]), 3600)
  at = Resque.delayed_queue_peek(0, 1)[0]
  want(page("/delayed").include?("ChecksumFile"), "/delayed shows it")
  same(post("/delayed/queue_now", "timestamp" => at.to_s).status, 200, "Queue now")
  w.counts(1)
  signed = job("ChecksumFile", ["x.txt"], runs: 10, ttl: 86_400)
  schedule = { "nightly" => { "every" => "1s", "queue" => "files", "class" => signed["class"], "args" => signed["args"] } }
  replays = -> { w.events("job.refused").count { |l| l["event.reason"] == "R_REPLAY_DONE" } }
  with_scheduler(schedule) { wait_until("two copies of a job that succeeded") { replays.call >= 2 } }
  Resque.schedule = schedule
  n = replays.call
  same(post("/schedule/requeue", "job_name" => "nightly").status, 302, "the schedule's button")
  wait_until("one more") { replays.call > n }
  same(w.outcomes, %w[Done Done], "each signature succeeds once")
end

item 79, "ActiveJob's set(wait:) and retry_on with a signature through serialize (R)" do
  skip!("its class is ActiveJob's JobWrapper, which no cage compiles; such jobs stay with Ruby workers")
end

item 80, "our own delayed retry waits in parked:<q>, not in delayed:*: resque-scheduler neither sees nor needs it (deviation)" do
  w = start
  with_scheduler do
    enqueue("ChecksumFile", ["late.txt"], runs: 4)
    wait_until("the parked retry") { RAW.zcard("resque:stockade:parked:files") == 1 }
    same(Resque.delayed_queue_schedule_size, 0, "delayed_queue_schedule")
    File.write("#{T}/inputs/late.txt", "here\n")
    w.counts(2)
  end
  same(w.outcomes.last, "Done", "outcome")
end
