# frozen_string_literal: true

# stockade.rb - signs jobs for a stockade worker (STK1, see PROTOCOL.md) with openssl and json alone.
# Called by producers that already hold a private key file; checks what a worker would refuse anyway.
require "json"
require "openssl"
require "securerandom"

module Stockade
  class Error < StandardError; end

  PKCS8_ED25519 = ["302e020100300506032b657004220420"].pack("H*") # RFC 8410, then the seed
  FIELDS = {
    kid: /\A[A-Za-z0-9_.-]{1,64}\z/, aud: %r{\A[A-Za-z0-9_.+:/-]{1,64}\z}, queue: /\A[A-Za-z0-9_.:-]{1,64}\z/,
    cls: /\A[A-Za-z_][A-Za-z0-9_:]{0,127}\z/, jti: /\A[A-Za-z0-9_-]{16,64}\z/, ref: %r{\A[A-Za-z0-9_.+:/-]{1,64}\z}
  }.freeze

  # Signs bytes; says nothing of its secret when inspected.
  class Key
    # One line: ed25519:<43 base64url> or hmac-sha256:<43 base64url>.
    def self.parse(line)
      m = /\A(ed25519|hmac-sha256):([A-Za-z0-9_-]{43})\r?\n?\z/.match(line)
      raise Error, "a key file is one line, ed25519:... or hmac-sha256:..." unless m

      new(m[1], "#{m[2].tr('-_', '+/')}=".unpack1("m0"))
    end

    # A key file that group may write, or others may touch at all, is refused, as stockade itself does.
    def self.load(path)
      raise Error, "#{path} must have mode 0440 or less" unless (File.stat(path).mode & 0o337).zero?

      parse(File.read(path))
    end

    def initialize(algorithm, secret)
      @hmac = secret if algorithm == "hmac-sha256"
      @pkey = OpenSSL::PKey.read(PKCS8_ED25519 + secret) unless @hmac
    end

    def sign(message)
      @hmac ? OpenSSL::HMAC.digest("SHA256", @hmac, message) : @pkey.sign(nil, message)
    end

    def inspect = "#<Stockade::Key>"
  end

  module_function

  # The signature over exactly these two texts.
  def seal(key, header, body)
    message = "stockade-job-v1\n".b + header.b + "\n".b + body.b
    [key.sign(message)].pack("m0").tr("+/", "-_").delete("=")
  end

  # -> {"class" => C, "args" => [H, B, S]}. args is an array, or its exact JSON text. Times are seconds.
  def sign(key:, kid:, aud:, queues:, cls:, args:, runs: 5, ttl: 7 * 86_400, now: Time.now.to_i,
           not_before: now, exp: not_before + ttl, jti: SecureRandom.urlsafe_base64(16), ref: "-")
    body = args.is_a?(String) ? args : JSON.generate(args)
    raise Error, "args must be one JSON array on one line" unless body.match?(/\A\[.*\]\z/m) && !body.match?(/[\x00-\x1f]/)
    raise Error, "queues are 1 to 8 names" unless (1..8).cover?(queues.size)
    raise Error, "times are seconds" unless [now, not_before, exp].all? { |t| t.is_a?(Integer) && (0..99_999_999_999).cover?(t) }
    raise Error, "now <= not_before < exp must hold" unless now <= not_before && not_before < exp
    raise Error, "runs are 1 to 100" unless runs.is_a?(Integer) && (1..100).cover?(runs)

    header = "stk1;kid=#{field(:kid, kid)};aud=#{field(:aud, aud)};q=#{queues.map { |q| field(:queue, q) }.join(',')}" \
             ";cls=#{field(:cls, cls)};jti=#{field(:jti, jti)};iat=#{now};nbf=#{not_before};exp=#{exp};runs=#{runs};ref=#{field(:ref, ref)}"
    raise Error, "the header is over 1024 bytes; name fewer queues" if header.bytesize > 1024

    { "class" => cls, "args" => [header, body, seal(key, header, body)] }
  end

  # redis: anything with multi, sadd and rpush (redis-rb); its own namespace, if any, comes on top.
  # Signs and pushes as Resque.push does: the queue's name, then the job. Returns the job.
  def enqueue(redis, queue, namespace: "resque", **job)
    signed = sign(queues: [queue], **job)
    redis.multi do |multi|
      multi.sadd("#{namespace}:queues", [queue])
      multi.rpush("#{namespace}:queue:#{queue}", JSON.generate(signed))
    end
    signed
  end

  def field(name, value)
    raise Error, "#{name} is not #{FIELDS[name].inspect}" unless value.is_a?(String) && FIELDS[name].match?(value)

    value
  end
end
