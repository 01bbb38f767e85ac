# frozen_string_literal: true

# running.rb - items 26 to 37: a job in hand, and what is left after it.

def shown(worker) = JSON.parse(Resque.redis.get("worker:#{worker.id}"))
def stats(worker = nil)
  names = %w[processed failed]
  names += names.map { |name| "#{name}:#{worker}" } if worker
  names.map { |name| Resque::Stat[name] }
end

item 26, "worker:<id> is queue, run_at and payload, whose bytes are the popped bytes (C)" do
  w = start
  # spellings that any encoder would change: they must come through untouched
  signed = JSON.generate(job("CsvSummary", ["long.csv"]))
  spelled = signed.sub("CsvSummary", "Csv\\u0053ummary").sub('{"class"', "{ \"id\":1.0e+05, \"class\"")
  RAW.rpush("resque:queue:files", spelled)
  w.held
  value = Resque.redis.get("worker:#{w.id}")
  want(value.match?(/\A\{"queue":"files","run_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ","payload":/), "form: #{value[0, 80]}")
  want(value.end_with?("#{spelled}}"), "the popped bytes stand at its end: #{value[60, 120]}")
end

item 27, "Resque.working has the worker, and its job names the class (R)" do
  w = start
  w.hold
  same(Resque.working.map(&:to_s), [w.id], "Resque.working")
  same(Resque.working[0].job["payload"]["class"], "CsvSummary", "class")
  same(Resque.working[0].state, :working, "state")
  same(Resque.info.values_at(:workers, :working), [1, 1], "Resque.info")
end

item 28, "/working and /overview are 200, with class and queue; /working/<id> shows the arguments (W)" do
  w = start
  w.hold
  %w[/working /overview].each do |path|
    html = page(path)
    want(html.include?("CsvSummary") && html.include?("files"), "#{path} shows class and queue")
  end
  want(page("/working/#{esc(w.id)}").include?("long.csv"), "the arguments stand readable on /working/<id>")
  same(page("/workers/#{esc(w.id)}").include?("CsvSummary"), true, "/workers/<id>")
end

item 30, "worker:<id> has no key named worker (C)" do
  w = start
  w.hold
  same(shown(w).keys, %w[queue run_at payload], "keys")
end

item 31, "the busy worker's title is Ruby's: Forked <pid> at <epoch>, beginning resque-<digit>, its child's Processing <queue> since <epoch> [<Class>] (ps)" do
  w = start
  child = w.hold
  pid = w.id.split(":")[1]
  title = `ps -o command= -p #{pid}`.strip
  want(title.match?(/\Aresque-\d[^ ]*: Forked #{child} at \d+\z/), "title: #{title}")
  of_child = `ps -o command= -p #{child}`.strip
  want(of_child.match?(/\Aresque-\d[^ ]*: Processing \S+ since \d+ \[\S+\]/), "the child's title: #{of_child}")
  w.release
  w.counts(1)
  want(wait_until("an idle title") { `ps -o command= -p #{pid}`[/Waiting/] }, "idle")
end

item 32, "success: worker key gone, stat:processed and stat:processed:<id> +1, failed unchanged (R,W)" do
  w = start
  good
  w.counts(1)
  wait_until("the settlement") { stats(w.id) == [1, 0, 1, 0] }
  want(Resque.working.empty? && failed.empty?, "nothing is left")
  want(page("/workers/#{esc(w.id)}").match?(/<td class='processed'>\s*1|>1</), "/workers/<id> counts it")
end

item 33, "a handler's failure: record, stat:failed and stat:failed:<id> +1 (R,W)" do
  w = start
  bad
  wait_until("the record") { failed.size == 1 }
  same(stats(w.id), [1, 1, 1, 1], "statistics")
  same(Resque::Failure.all(0)["exception"], "Stockade::Failed", "exception")
  want(page("/failed").include?("missing.txt"), "/failed shows it")
end

item 34, "a job that its handler skips counts as processed and leaves no record (R)" do
  w = start(cage: ENV.fetch("HOSTILE_CAGE"))
  enqueue("Hostile::Skip", [])
  w.counts(1)
  same(w.outcomes, %w[Skipped], "outcome")
  wait_until("the statistics") { stats(w.id) == [1, 0, 1, 0] }
  same(failed, [], "failed")
end

item 35, "a child that ends with a code other than 0 is a failure with a record; Ruby loses it silently (deviation)" do
  w = start(cage: ENV.fetch("HOSTILE_CAGE"))
  enqueue("Hostile::ExitSeven", [], runs: 2)
  wait_until("the record") { failed.size == 1 }
  record = Resque::Failure.all(0)
  same(record["exception"], "Stockade::NonZeroExit", "exception")
  want(record["error"].include?("7"), "its code is named: #{record['error']}")
  same(stats, [1, 1], "statistics")
  same(w.id.nil?, false, "the worker lives")
end

item 36, "a child killed from outside: Resque::DirtyExit with signal and pid, backtrace [] (R,W); stat:failed counts it (deviation)" do
  w = start
  enqueue("CsvSummary", ["long.csv"], runs: 2)
  child = w.held
  Process.kill("KILL", child)
  wait_until("the record") { failed.size == 1 }
  record = Resque::Failure.all(0)
  same(record["exception"], "Resque::DirtyExit", "exception")
  same(record["error"], "Child process received unhandled signal pid #{child} SIGKILL (signal 9)", "error")
  same(record["backtrace"], [], "backtrace")
  same(stats, [1, 1], "statistics")
  want(page("/failed").include?("SIGKILL (signal 9)"), "/failed shows it")
end

item 37, "Resque.info and /stats.txt show the numbers (R,W)" do
  w = start
  good
  bad
  w.counts(2)
  wait_until("the record") { failed.size == 1 }
  same(Resque.info.values_at(:processed, :failed, :workers, :working, :pending), [2, 1, 1, 0, 0], "Resque.info")
  text = page("/stats.txt")
  ["resque.processed+=2", "resque.failed+=1", "resque.workers=1", "queues.files=0"].each do |line|
    want(text.include?(line), "#{line} in #{text}")
  end
end
