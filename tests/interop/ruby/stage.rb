# frozen_string_literal: true

# stage.rb - what the checklist's items share: Ruby Resque on the stage's private Redis, stockade workers
# as real processes, jobs held in the middle of their run, resque-web through Rack, and TAP lines that
# carry the checklist's own numbers. Trusts the environment that tests/interop/ruby/resque.sh makes.
require "json"
require "socket"
require "timeout"
require "tmpdir"
require "redis"
require "redis/namespace"
require "resque"
require "resque/server"
require "resque-scheduler"
require "resque/scheduler/server"
require "rack/mock"
require_relative "../../../contrib/clients/ruby/stockade"

T = ENV.fetch("T")
SOCK = ENV.fetch("REDIS_SOCK")
STOCKADE = ENV.fetch("STOCKADE")
HOST = Socket.gethostname
RAW = Redis.new(path: SOCK)
KEY = Stockade::Key.load("#{T}/keys/web-1.key")
QUEUES = %w[files low high critical].freeze

Resque.redis = Redis::Namespace.new("resque", redis: Redis.new(path: SOCK))
Resque.logger.level = Logger::FATAL
Resque::Server.set :raise_errors, false
Resque::Server.set :show_exceptions, false
Resque::Server.set :environment, :production

# Items whose feature stockade does not have yet; each prints a skip with this reason.
NOT_YET = YAML.safe_load(File.read("#{__dir__}/not-yet.yml")) || {}
ONLY = ENV.fetch("ITEMS", "").split(",").map(&:to_i)

class Skip < StandardError; end
def skip!(why) = raise(Skip, why)

# An expectation that does not hold ends the item with its words.
class Broken < StandardError; end
def want(good, what) = good || raise(Broken, what)
def same(got, wanted, what) = want(got == wanted, "#{what}: got #{got.inspect}, wanted #{wanted.inspect}")

def wait_until(what, seconds = 10)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
  loop do
    found = yield
    return found if found

    raise Broken, "not within #{seconds} s: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

    sleep 0.03
  end
end

$failed = 0
# item NUMBER, SENTENCE (tool letters): the block's raised Broken or Skip decides; it starts on an empty Redis.
def item(number, sentence)
  return unless ONLY.empty? || ONLY.include?(number)
  return puts("ok #{number} - #{sentence} # SKIP not built yet: #{NOT_YET[number]}") if NOT_YET[number]

  RAW.flushall
  Timeout.timeout(40) { yield }
  puts "ok #{number} - #{sentence}"
rescue Skip => e
  puts "ok #{number} - #{sentence} # SKIP #{e.message}"
rescue StandardError => e
  $failed += 1
  puts "not ok #{number} - #{sentence}", "#   #{e.class}: #{e.message}".gsub("\n", "\n#   ")
  puts(e.backtrace.first(4).map { |line| "#     #{line}" }) unless e.is_a?(Broken)
  Running.all.each { |w| puts(w.tail(6).map { |line| "#   log: #{line}" }) }
ensure
  Running.stop_all
  $stdout.flush
end

# One `stockade work` with its own log.
# the workers of a supervisor: its children but for the launcher, which makes them
def children_of(pid)
  all = File.read("/proc/#{pid}/task/#{pid}/children").split.map(&:to_i)
  all.reject { |child| File.read("/proc/#{child}/comm") == "stockade-launch\n" rescue true }
end

class Running
  @all = []
  class << self
    attr_reader :all

    def stop_all
      @all.each(&:kill)
      @all.clear
    end
  end

  attr_reader :pid, :log, :busy

  # cage: other classes than the house's own; wrap: a command in front, as unshare
  def initialize(queues: "files,low", env: {}, cage: nil, wrap: [])
    @log = "#{T}/log.#{Running.all.size}.#{rand(1 << 32)}"
    env = { "STOCKADE_QUEUES" => queues, "STOCKADE_HOST" => "stage" }.merge(env)
    env.update("STOCKADE_CAGE" => cage, "STOCKADE_WORK_DIR" => "#{T}/work") if cage
    @pid = Process.spawn(env, *wrap, STOCKADE, "work", "--config", "#{T}/stockade.conf",
                         err: @log, out: @log, in: "/dev/null", pgroup: true)
    Running.all << self
  end

  def ready(workers = 1)
    wait_until("#{workers} registrations\n#{tail(5).join("\n")}") { ids.size == workers }
    self
  end

  # a worker is a child of the supervisor; its nursery and zygote stand in no registration
  def children = children_of(@pid)
  def ids = Resque.redis.smembers("workers").select { |id| children.include?(id.scrub.split(":")[1].to_i) }
  def id = ids.first
  def lines = File.readlines(@log, encoding: "UTF-8").map { |l| JSON.parse(l) rescue {} }
  def tail(count) = File.exist?(@log) ? File.readlines(@log).last(count) : []
  def events(action) = lines.select { |l| l["event.action"] == action }
  def finished = events("job.finished")
  def outcomes = finished.map { |l| l["event.reason"] }
  def started_queues = events("job.started").map { |l| l["stockade.queue"] }
  def counts(count) = wait_until("#{count} finished jobs\n#{tail(4).join}", 20) { finished.size >= count }

  # Pushes a job that works for a while and stops its process in the middle: it is busy until release.
  def hold(queue = "files")
    n = events("job.started").size
    enqueue("CsvSummary", ["long.csv"], queue: queue)
    held(n)
  end

  def held(already = 0)
    line = wait_until("a started job\n#{tail(4).join}") { events("job.started")[already] }
    @held = line["stockade.pid"]
    Process.kill("STOP", @held)
    wait_until("a stopped process") { File.read("/proc/#{@held}/status").include?("State:\tT") }
    @busy = wait_until("worker:<id> is shown") { ids.find { |id| Resque.redis.exists?("worker:#{id}") } }
    @held
  end

  def release
    Process.kill("CONT", @held) if @held
    @held = nil
  rescue Errno::ESRCH
    @held = nil
  end

  def signal(name) = Process.kill(name, @pid)

  # -> exit code
  def wait(seconds = 15)
    wait_until("the supervisor's end", seconds) { @status ||= Process.wait2(@pid, Process::WNOHANG)&.last }
    @status.exitstatus
  end

  def stop
    release
    signal("TERM")
    wait
  end

  def kill
    return if @status

    release
    Process.kill("TERM", @pid)
    3.times do
      return if (@status = begin
        Timeout.timeout(2) { Process.wait2(@pid).last }
      rescue Timeout::Error
        nil
      end)

      Process.kill("TERM", @pid)
    end
    Process.kill("KILL", @pid)
    @status = Process.wait2(@pid).last
  rescue Errno::ESRCH, Errno::ECHILD
    @status = true
  end
end

def start(...) = Running.new(...).ready

# Runs until the queues are empty, and ends: -> the ended worker.
def drain(**options)
  options[:env] = { "INTERVAL" => "0" }.merge(options[:env] || {})
  w = Running.new(**options)
  code = w.wait(30)
  want(code == 0, "drain ended with #{code}: #{w.tail(3).join}")
  w
end

def job(cls, args, queues: ["files"], **more)
  Stockade.sign(key: KEY, kid: "web-1", aud: "test/house", queues: queues, cls: cls, args: args, **more)
end

# Through Resque's own Job.create: the class is unknown to Ruby.
def enqueue(cls, args, queue: "files", **more)
  signed = job(cls, args, queues: [queue], **more)
  Resque::Job.create(queue, signed["class"], *signed["args"])
  signed
end

def good(queue = "files", **more) = enqueue("ChecksumFile", ["x.txt"], queue: queue, **more)
def bad(queue = "files", file: "missing.txt", **more) = enqueue("ChecksumFile", [file], queue: queue, runs: 2, **more)

WEB = Rack::MockRequest.new(Resque::Server.new)
def get(path) = WEB.get(path, "HTTP_HOST" => "localhost")
def post(path, params = {}) = WEB.post(path, params: params, "HTTP_HOST" => "localhost")
def page(path)
  answer = get(path)
  same(answer.status, 200, "GET #{path}")
  answer.body
end
def failed = Resque.redis.lrange("failed", 0, -1)
def esc(id) = Rack::Utils.escape_path(id)

# Another Ruby process with Resque in it, as an operator would start one: -> [output, status]
def ruby(code, env: {}, wrap: [])
  libs = ENV.fetch("RESQUE_LIB").split(":").flat_map { |l| ["-I", l] }
  setup = "require 'resque'; Resque.redis = Redis::Namespace.new('resque', redis: Redis.new(path: ENV['REDIS_SOCK'])); "
  out = IO.popen([env, *wrap, "ruby", *libs, "-e", setup + code, { err: %i[child out] }], &:read)
  [out, $?]
end

# A Ruby worker that starts, prunes (it always wins the lock) and ends: nothing is left for it to run.
def ruby_worker_starts(queues, **more)
  Resque.redis.del("pruning_dead_workers_in_progress")
  out, status = ruby("Resque::Worker.new(*#{queues.inspect}).work(0)", **more)
  want(status.success?, "the Ruby worker failed: #{out}")
  want(Resque.redis.get("pruning_dead_workers_in_progress"), "the Ruby worker took the prune lock")
end
