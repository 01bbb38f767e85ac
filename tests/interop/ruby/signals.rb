# frozen_string_literal: true

# signals.rb - items 61 to 70: what an operator's signals do.

def own_keys(id)
  RAW.keys("resque:*#{id}*") + (Resque.redis.sismember("workers", id) ? ["workers"] : []) +
    (Resque.redis.hexists("workers:heartbeat", id) ? ["workers:heartbeat"] : [])
end

def seconds
  from = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  yield
  Process.clock_gettime(Process::CLOCK_MONOTONIC) - from
end

item 61, "QUIT while idle: exit 0 within a second, all own keys gone (C)" do
  w = start
  id = w.id
  took = seconds do
    w.signal("QUIT")
    same(w.wait(5), 0, "exit code")
  end
  want(took < 1, "took #{took.round(2)} s")
  same(own_keys(id), [], "keys of #{id}")
end

item 62, "QUIT while busy: the job finishes, then the worker ends (R)" do
  w = start
  w.hold
  id = w.id
  good
  w.signal("QUIT")
  sleep 0.5
  same(Resque.working.map(&:to_s), [id], "still working")
  w.release
  same(w.wait, 0, "exit code")
  same(w.outcomes, %w[Done], "outcomes")
  same(Resque.size("files"), 1, "the next job was not taken")
  same(own_keys(id), [], "keys of #{id}")
end

# Sends TERM to a worker whose job stands still: -> [outcome, seconds until the exit, records]
def term_while_busy(env, release_after: nil)
  RAW.flushall
  w = start(env: env)
  w.hold
  id = w.id
  took = seconds do
    w.signal("TERM")
    sleep(release_after) if release_after
    w.release if release_after
    same(w.wait(20), 0, "exit code with #{env}")
  end
  same(own_keys(id), [], "keys with #{env}")
  [w.outcomes.last, took, failed.size + Resque.size("files")]
end

item 63, "TERM while busy: by default it drains, then hands back (deviation: Ruby kills and files the job); TERM_CHILD, RESQUE_TERM_TIMEOUT, RESQUE_PRE_SHUTDOWN_TIMEOUT and GRACEFUL_TERM set Ruby's timing" do
  same(term_while_busy({}, release_after: 0.5)[0], "Done", "default")
  outcome, took, left = term_while_busy({ "STOCKADE_DRAIN_TIMEOUT" => "500ms", "RESQUE_TERM_TIMEOUT" => "0.5" })
  same([outcome, left], ["Shutdown", 1], "default, a job that does not end")
  want(took.between?(0.9, 2.5), "drain and term timeout: #{took}")
  outcome, took, left = term_while_busy({ "TERM_CHILD" => "1", "RESQUE_TERM_TIMEOUT" => "1" })
  same([outcome, left], ["Shutdown", 1], "TERM_CHILD")
  want(took.between?(0.9, 2.5), "TERM_CHILD: #{took}")
  env = { "TERM_CHILD" => "1", "RESQUE_PRE_SHUTDOWN_TIMEOUT" => "10" }
  same(term_while_busy(env, release_after: 0.5)[0], "Done", "PRE_SHUTDOWN")
  env = { "GRACEFUL_TERM" => "1", "TERM_CHILD" => "1", "RESQUE_TERM_TIMEOUT" => "0.2" }
  same(term_while_busy(env, release_after: 1.5)[0], "Done", "GRACEFUL_TERM")
end

item 64, "INT is as TERM (C)" do
  w = start
  w.hold
  w.signal("INT")
  sleep 0.3
  w.release
  same(w.wait, 0, "exit code")
  same(w.outcomes, %w[Done], "outcomes")
end

item 65, "USR1 ends only the child: its job is filed, and the next one runs (C)" do
  w = start
  enqueue("CsvSummary", ["long.csv"], runs: 2)
  w.held
  good
  w.signal("USR1")
  w.counts(2)
  same(w.outcomes.last, "Done", "the next job")
  wait_until("the record") { failed.size == 1 }
  same(Resque::Failure.all(0)["exception"], "Resque::DirtyExit", "exception, as Ruby's")
  same(Resque.workers.size, 1, "the worker lives")
end

item 66, "USR2 pauses after the current job, CONT resumes; the title says Paused (C)" do
  w = start
  w.hold
  w.signal("USR2")
  good
  w.release
  w.counts(1)
  sleep 0.5
  same(w.finished.size, 1, "paused after the current job")
  want(`ps -o command= -p #{w.id.split(':')[1]}`.match?(/\Aresque-\d\S*: Paused$/), "title")
  w.signal("CONT")
  w.counts(2)
end

item 67, "TERM to the whole process group: the child lives until the worker decides" do
  w = start
  w.hold
  Process.kill("TERM", -w.pid)
  sleep 0.5
  w.release
  same(w.wait, 0, "exit code")
  same(w.outcomes, %w[Done], "outcome")
end

item 68, "kill -9 of the supervisor leaves no process (ps)" do
  w = start
  child = w.hold
  all = w.children + [child]
  Process.kill("KILL", w.pid)
  w.wait
  w.release
  wait_until("an end of all", 40) { all.none? { |pid| File.exist?("/proc/#{pid}") && !File.read("/proc/#{pid}/stat").include?(") Z") } }
end

item 69, "as pid 1 of a pid namespace: orphans are reaped, TERM drains, exit 0" do
  wrap = %w[unshare --user --map-current-user --pid --fork --kill-child --mount-proc]
  skip!("no user and pid namespaces for this user here") unless system(*wrap, "true", %i[out err] => File::NULL)
  w = Running.new(wrap: wrap)
  wait_until("a registration\n#{w.tail(3).join}") { Resque.workers.size == 1 }
  first = Resque.workers[0].to_s
  one = w.children[0]
  status = File.read("/proc/#{one}/status")
  same(status[/^NSpid:.*\t(\d+)$/, 1], "1", "its pid inside")
  worker = children_of(one)[0]
  Process.kill("KILL", worker)
  wait_until("another worker") { Resque.workers.any? { |other| other.to_s != first } }
  good
  w.counts(1)
  wait_until("no zombie", 3) { `ps -o state= --ppid #{one}`.lines.none? { |state| state.start_with?("Z") } }
  Process.kill("TERM", one)
  same(w.wait, 0, "exit code")
end

item 70, "HUP while idle reloads policy and keys, and the worker goes on, where Ruby's ends (C)" do
  w = start
  id = w.id
  w.signal("HUP")
  wait_until("a reload") { w.events("policy.reloaded").any? }
  same(Resque.redis.smembers("workers"), [id], "registrations")
end
