# frozen_string_literal: true

# registration.rb - items 1 to 11: what Resque's tools see of an idle worker.

item 1, "workers contains <host>:<pid>:<queues>, and Resque and resque-web list it (R,W)" do
  w = start
  want(Resque.redis.sismember("workers", w.id), "the id is in workers")
  same(w.id, "stage:#{w.children.find { |pid| w.id.include?(":#{pid}:") }}:files,low", "the id")
  same(Resque.workers.map(&:to_s), [w.id], "Resque.workers")
  want(page("/workers").include?(w.id.split(":")[0, 2].join(":")), "/workers shows it")
end

item 2, "excluded queues are absent from the id (R)" do
  w = start(queues: "*,!low*")
  same(w.id.split(":", 3)[2], "*", "the queues of the id")
  same(Resque::Worker.new("*", "!low*").to_s.split(":", 3)[2], "*", "as Ruby's")
end

item 3, "worker:<id>:started is a local time; /workers/<id> is 200 and shows it (W)" do
  w = start
  started = Resque.redis.get("worker:#{w.id}:started")
  want(started.match?(/\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\z/), "started: #{started}")
  want(page("/workers/#{esc(w.id)}").include?(started), "/workers/<id> shows #{started}")
end

item 4, "the heartbeat is ISO 8601 with offset, a Time for Ruby, within 2 s of Redis's clock (R)" do
  w = start
  text = Resque.redis.hget("workers:heartbeat", w.id)
  want(text.match?(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\z/), "heartbeat: #{text}")
  beat = Resque::Worker.find(w.id).heartbeat
  want(beat.is_a?(Time) && (beat - Time.at(RAW.time[0])).abs <= 2, "#{beat} is near #{Time.at(RAW.time[0])}")
end

item 5, "the heartbeat advances while a job runs (R,C)" do
  w = start
  w.hold
  before = Resque::Worker.find(w.id).heartbeat
  wait_until("a later heartbeat", 4) { Resque::Worker.find(w.id).heartbeat > before }
  want(w.finished.empty?, "the job still runs")
end

item 9, "resque list prints <id> (idle), and (working) while busy (R)" do
  program = ENV.fetch("RESQUE_LIB").split(":").map { |l| "#{l}/../bin/resque" }.find { |f| File.exist?(f) }
  skip!("no bin/resque beside RESQUE_LIB") unless program
  w = start
  out, = ruby("ARGV.replace(['list']); load '#{program}'")
  same(out.strip, "#{w.id} (idle)", "resque list")
  w.hold
  out, = ruby("ARGV.replace(['list']); load '#{program}'")
  same(out.strip, "#{w.id} (working)", "resque list while busy")
end

item 11, "after SREM by hand the id is back within one heartbeat, and so is :started (C)" do
  w = start
  id = w.id
  Resque.redis.srem("workers", [id])
  Resque.redis.hdel("workers:heartbeat", id)
  Resque.redis.del("worker:#{id}:started")
  wait_until("the registration", 1) { Resque.workers.map(&:to_s) == [id] }
  want(Resque::Worker.find(id).heartbeat, "its heartbeat")
  want(Resque::Worker.find(id).started, "its start time")
end
