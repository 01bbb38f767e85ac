# frozen_string_literal: true

# checklist.rb - the compatibility checklist, chapter by chapter, in its own numbers. Letters name who
# confirms an item: R Ruby Resque, W resque-web, S resque-scheduler, C plain Redis commands.
require_relative "stage"
puts "# Ruby #{RUBY_VERSION}, Resque #{Resque::VERSION}, resque-scheduler #{Resque::Scheduler::VERSION}, " \
     "redis-rb #{Redis::VERSION}, JSON by #{MultiJson.adapter}"
%w[registration queues running records pruning signals moving].each { |chapter| require_relative chapter }
exit($failed.zero? ? 0 : 1)
