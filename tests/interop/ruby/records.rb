# frozen_string_literal: true

# records.rb - items 38 to 49: records in failed, and the buttons of resque-web.

FORM = { "failed_at" => %r{\A\d{4}/\d\d/\d\d \d\d:\d\d:\d\d UTC\z}, "payload" => nil, "exception" => /\AStockade::|\AResque::/,
         "error" => /./, "backtrace" => nil, "worker" => /\Astage:\d+:/, "queue" => /\A[a-z]+\z/ }.freeze

# One failed job and one of each refusal, on an idle worker.
def several_failures
  w = start
  yield if block_given?
  bad
  bad(file: "absent.txt")
  wait_until("the records") { stats[1] == 2 && Resque.size("files").zero? && w.finished.size == 2 }
  w
end

item 38, "field order and formats are Resque's, and Ruby parses every record (R)" do
  several_failures { RAW.rpush("resque:queue:files", ["not json", "[1,2]", '{"class":5,"args":[]}']) }
  failed.each do |text|
    record = JSON.parse(text)
    same(record.keys, FORM.keys, "fields")
    FORM.each { |field, form| want(form.nil? || record[field].match?(form), "#{field}: #{record[field]}") }
    same(record["backtrace"].class, Array, "backtrace")
    same(record["payload"].class, Hash, "payload")
    same(Resque.encode(Resque.decode(text)), text, "Ruby's encoder writes the same bytes") if record["exception"] == "Stockade::Failed"
  end
end

item 39, "/failed is 200 and shows class, arguments and error (W)" do
  several_failures
  html = page("/failed")
  %w[ChecksumFile missing.txt absent.txt Stockade::Failed].each { |text| want(html.include?(text), "#{text} on /failed") }
end

item 40, "Retry from resque-web enqueues again, and our worker runs it: the signature survived (W)" do
  w = several_failures
  index = failed.index { |r| r.include?("missing.txt") }
  File.write("#{T}/inputs/missing.txt", "now here\n")
  same(get("/failed/requeue/#{index}").status, 302, "Retry")
  w.counts(3)
  same(w.outcomes.last, "Done", "outcome")
  want(Resque::Failure.all(index)["retried_at"], "retried_at is set")
  same(page("/failed").include?("Retried"), true, "/failed says so")
ensure
  File.unlink("#{T}/inputs/missing.txt")
end

item 41, "Retry All with records of malformed payloads in front of it (W)" do
  w = several_failures { RAW.rpush("resque:queue:files", ["not json", "null", '{"class":null,"args":[]}', "[1,2]"]) }
  wait_until("the notes") { failed.size >= 3 }
  records = failed.size
  want(JSON.parse(failed[0])["exception"] == "Stockade::Refused", "a refusal stands in front")
  %w[missing.txt absent.txt].each { |file| File.write("#{T}/inputs/#{file}", "here\n") }
  same(post("/failed/requeue/all").status, 302, "Retry All")
  w.counts(4)
  same(w.outcomes.last(2), %w[Done Done], "outcomes")
  wait_until("an empty queue") { Resque.size("files").zero? }
  same(failed.size, records, "no record more: retried notes are dropped")
  page("/failed")
ensure
  %w[missing.txt absent.txt].each { |file| File.unlink("#{T}/inputs/#{file}") }
end

item 42, "Remove and Clear work (W)" do
  several_failures
  same(get("/failed/remove/0").status, 302, "Remove")
  same(failed.size, 1, "one record left")
  same(get("/failed/requeue/0").status, 302, "Retry")
  wait_until("the retried job's own record") { failed.size == 2 }
  same(post("/failed/clear_retried").status, 302, "Clear Retried")
  same(failed.size, 1, "the retried one is gone")
  same(post("/failed/clear").status, 302, "Clear")
  same(failed.size, 0, "no record left")
end

item 43, "Resque::Failure.requeue_queue and remove_queue work (R)" do
  w = several_failures
  Resque::Failure.requeue_queue("files")
  w.counts(4)
  wait_until("records of the second runs") { failed.size == 4 }
  Resque::Failure.remove_queue("files")
  same(failed.size, 0, "removed")
end

item 45, "hostile class names never reach /failed as they are (W)" do
  hostile = ["<b>x</b>", 'a" onmouseover="x', "<script>alert(1)</script>", "\u202ekcab"]
  w = start
  hostile.each do |name|
    RAW.rpush("resque:queue:files", JSON.generate("class" => name, "args" => []))
    RAW.rpush("resque:queue:files", JSON.generate("class" => name, "args" => job("ChecksumFile", ["x.txt"])["args"]))
  end
  wait_until("refusals") { w.events("job.refused").size == 2 * hostile.size }
  wait_until("their notes") { !failed.empty? }
  pages = %w[/failed /overview /working /workers /queues].map { |path| page(path) }.join + failed.join
  hostile.each { |name| want(!pages.include?(name), "found #{name}") }
end

item 46, "records of malformed payloads: /failed is 200, Retry is 302, nothing nests (W)" do
  w = start
  ["not json", "", "[1,2]", "42", '"str"', "{}", "null", '{"class":5,"args":[]}', '{"class":"A","class":"B","args":[]}',
   "{\"class\":\"A\",\"args\":[\"\xff\"]}".b, "{\"class\":\"A\",\"args\":#{'[' * 200}#{']' * 200}}"].each do |bytes|
    RAW.rpush("resque:queue:files", bytes)
    # notes are one per reason, queue and minute: each payload shall have its own here
    RAW.keys("resque:stockade:quarantine:#note:*").each { |key| RAW.del(key) }
    wait_until("an empty queue") { Resque.size("files").zero? && RAW.keys("resque:stockade:in:*").empty? }
  end
  n = failed.size
  want(n >= 8, "#{n} notes")
  page("/failed")
  n.times { |i| same(get("/failed/requeue/#{i}").status, 302, "Retry #{i}") }
  wait_until("an empty queue") { Resque.size("files").zero? && RAW.keys("resque:stockade:in:*").empty? }
  same(failed.size, n, "no record more")
  same(w.events("worker.stopped").size, 0, "the worker never ended")
  page("/failed")
end

item 47, "an error text with control characters and other people's text direction is valid UTF-8, short, and escaped by resque-web (R,W)" do
  w = start
  enqueue("ChecksumFile", ["no\u0001such\u202e<i>é</i>.txt"], runs: 2)
  enqueue("ChecksumFile", ["n" * 255], runs: 2)
  w.counts(2)
  wait_until("the records") { failed.size == 2 }
  failed.each do |text|
    want(text.dup.force_encoding("UTF-8").valid_encoding?, "UTF-8")
    want(JSON.parse(text)["error"].bytesize <= 4096, "short")
  end
  want(!page("/failed").include?("<i>"), "escaped")
end

item 48, "FAILURE_BACKEND=redis_multi_queue writes <q>_failed and failed_queues (R,W)" do
  start(env: { "FAILURE_BACKEND" => "redis_multi_queue" })
  bad
  wait_until("the record") { RAW.llen("resque:files_failed") == 1 }
  same(RAW.smembers("resque:failed_queues"), %w[files_failed], "failed_queues")
  same(failed.size, 0, "failed stays empty")
end

item 49, "a failure_id at a record's end is accepted by /failed and by Retry (seen with 3.0.0, which writes none) (R)" do
  w = several_failures
  record = JSON.parse(failed[0]).merge("failure_id" => "3f0e6a52-9f5e-4f0e-9c3e-2a55d8f0a001")
  Resque.redis.lset("failed", 0, JSON.generate(record))
  page("/failed")
  same(get("/failed/requeue/0").status, 302, "Retry")
  w.counts(3)
end
