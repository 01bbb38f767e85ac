# frozen_string_literal: true

# queues.rb - items 12 to 25: which queue is looked at when, and what a payload may be.

# The order in which Ruby would empty these queues, and the order in which we did.
def ruby_order(list) = Resque::Worker.new(*list.split(",")).queues
def our_order(list, **more) = drain(queues: list, **more).started_queues

def fill(*queues) = queues.each { |q| good(q) }

item 12, "high,low with jobs in both: all high first (R enqueues)" do
  fill("low", "high", "low", "high")
  same(our_order("high,low"), %w[high high low low], "order")
end

item 13, "priority is decided anew after each job (R)" do
  w = start(queues: "high,low")
  good("low")
  w.counts(1)
  w.hold("low")
  fill("low", "high")
  w.release
  w.counts(4)
  same(w.started_queues, %w[low low high low], "order")
end

item 14, "* looks at queues in bytewise order, also at those created later (R)" do
  fill("zeta", "alpha", "Beta")
  same(our_order("*"), %w[Beta alpha zeta], "order")
  same(ruby_order("*"), %w[Beta alpha zeta], "Ruby's order")
  RAW.flushall
  w = start(queues: "*")
  fill("low_a")
  w.counts(1)
  same(w.started_queues, %w[low_a], "a queue that came later")
end

item 15, "critical,* is critical first, the rest in order (R)" do
  fill("alpha", "zeta", "critical", "low")
  same(our_order("critical,*"), ruby_order("critical,*"), "order")
end

item 16, "*,!low* never takes from low_a (R)" do
  fill("low_a", "low", "alpha")
  same(our_order("*,!low*"), ruby_order("*,!low*"), "order")
  same(Resque.size("low_a") + Resque.size("low"), 2, "left alone")
end

item 17, "lists with globs agree with Ruby's own answer, among the queues that the policy grants (R)" do
  ["*a", "l?w*,alpha", "[bB]eta,*", "alpha,nonexistent,!low", "z*,!zeta", "*_*", "[!l]*"].each do |list|
    RAW.flushall
    fill("low_a", "low", "alpha", "Beta", "zeta")
    same(our_order(list), ruby_order(list), list)
  end
end

item 18, ".hidden is not matched by * (R)" do
  fill(".hidden", "alpha")
  same(our_order("*"), %w[alpha], "order")
  same(ruby_order("*"), %w[alpha], "Ruby's order")
end

item 19, "QUEUES wins over QUEUE, as in Ruby (C)" do
  fill("low", "high")
  w = Running.new(queues: "", env: { "STOCKADE_QUEUES" => nil, "QUEUE" => "low", "QUEUES" => "high" }).ready
  same(w.id.split(":")[2], "high", "queues")
end

item 20, "no queue: one sentence on stderr and a failing exit; ours is 64 where Ruby's is 1 (C, deviation)" do
  File.write("#{T}/noqueue.conf", File.read("#{T}/stockade.conf").gsub(/^queues.*\n/, ""))
  out = IO.popen([STOCKADE, "work", "--config", "#{T}/noqueue.conf", { err: %i[child out] }], &:read)
  same($?.exitstatus, 64, "exit code")
  want(out.lines.size <= 2 && out.include?("queue"), "sentence: #{out}")
end

item 21, "INTERVAL=0 drains and exits 0, as in Ruby (C)" do
  3.times { good }
  same(drain.outcomes, %w[Done] * 3, "outcomes")
end

item 22, "first in, first out, as Ruby enqueues (R)" do
  shas = %w[a b c d].map { |ref| good(ref: ref) && ref }
  same(drain.events("job.admitted").map { |l| l["stockade.ref"] }, shas, "order")
end

item 25, "pause-all-workers: true, TRUE and ' true ' pause within one loop, 1 does not, DEL resumes (R)" do
  w = start
  done = 0
  ["true", "TRUE", " true "].each do |value|
    Resque.redis.set("pause-all-workers", value)
    sleep 0.2
    good
    sleep 0.4
    same(w.finished.size, done, "nothing ran under #{value.inspect}")
    Resque.redis.del("pause-all-workers")
    w.counts(done += 1)
  end
  Resque.redis.set("pause-all-workers", "1")
  good
  w.counts(done + 1)
end
