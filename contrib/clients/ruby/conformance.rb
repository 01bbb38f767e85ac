# frozen_string_literal: true

# conformance.rb - signs the genuine jobs of tests/vectors/signing.json again and compares bytes.
#   ruby contrib/clients/ruby/conformance.rb tests/vectors/signing.json        prints TAP lines
require_relative "stockade"

vectors = JSON.parse(File.read(ARGV[0] || "#{__dir__}/../../../tests/vectors/signing.json"))
KEYS = vectors["config"]["keys"].to_h { |k| [k["kid"], Stockade::Key.parse("#{k['alg']}:#{k['test_secret']}")] }
$n = $failed = 0

def ok(good, sentence)
  $n += 1
  $failed += 1 unless good
  puts "#{good ? 'ok' : 'not ok'} #{$n} - #{sentence}"
end

def raw(vector) = vector["raw_b64"].unpack1("m").force_encoding("UTF-8")
def fields(header) = header.split(";").drop(1).to_h { |part| part.split("=", 2) }

def again(vector)
  header, body, = JSON.parse(raw(vector))["args"]
  f = fields(header)
  Stockade.sign(key: KEYS[f["kid"]], kid: f["kid"], aud: f["aud"], queues: f["q"].split(","), cls: f["cls"], args: body,
                runs: f["runs"].to_i, now: f["iat"].to_i, not_before: f["nbf"].to_i, exp: f["exp"].to_i, jti: f["jti"], ref: f["ref"])
end

# What a signer could have written: a verified signature, its own class outside, times in order.
def genuine?(vector)
  return false unless vector["auth"]

  job = JSON.parse(raw(vector))
  f = fields(job["args"][0])
  f["cls"] == job["class"] && f["iat"].to_i <= f["nbf"].to_i && f["nbf"].to_i < f["exp"].to_i
end

identical = 0
all = vectors["cases"].select { |vector| genuine?(vector) }
all.each do |vector|
  job = again(vector)
  if JSON.generate(job) == raw(vector)
    identical += 1
    ok(true, "signed again byte for byte: #{vector['name']}")
  else
    ok(job["args"] == JSON.parse(raw(vector))["args"], "another outer object, the same three texts: #{vector['name']}")
  end
end
ok(identical >= 15, "at least 15 vectors are byte-identical (#{identical} of #{all.size})")

def refuses(sentence, **change)
  good = { key: KEYS["cron-1"], kid: "k", aud: "a", queues: ["q"], cls: "C", args: [], now: 1, ttl: 1 }
  threw = begin
    Stockade.sign(**good, **change)
    false
  rescue Stockade::Error
    true
  end
  ok(threw, "refused before signing: #{sentence}")
end
refuses("a queue with a comma", queues: ["a,b"])
refuses("nine queues", queues: %w[a b c d e f g h i])
refuses("arguments that are no array", args: "{}")
refuses("arguments on two lines", args: "[\n]")
refuses("an end before the beginning", exp: 1)
refuses("no run at all", runs: 0)
refuses("a header field that smuggles another", ref: "x;runs=100")
refuses("a header field that ends with a line break", ref: "x\n")
ok(!KEYS["web-2026a"].inspect.include?("MMUr6"), "a key shows nothing of itself")
exit($failed.zero? ? 0 : 1)
