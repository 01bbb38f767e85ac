# stockade: one non-recursive Makefile. `make help` lists the targets; V=1 shows the commands;
# B=dir keeps another tree beside this one (make CC=clang B=build/clang, make SAN=asan B=build/asan).
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
B ?= build
V ?= 0
SAN ?=
WERROR ?= 0
PKG_CONFIG ?= pkg-config
VERSION := 0.1.0

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# --- flags (one reason each: ARCHITECTURE.md, "Hardening") ---------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wconversion -Wsign-conversion -Wcast-qual -Wwrite-strings -Wpointer-arith -Wundef -Wvla \
	-Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference \
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
	-Werror=int-conversion -Werror=return-type
WARN_PROBED := -Wlogical-op -Wduplicated-cond -Wtrampolines -Wformat-signedness -Wcomma \
	-Wconditional-uninitialized -Wassign-enum
HARDEN := -O2 -g -fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-overflow \
	-fno-delete-null-pointer-checks -fno-strict-aliasing -fno-common -ffile-prefix-map=$(CURDIR)=.
HARDEN_PROBED := -mno-omit-leaf-frame-pointer -fcf-protection=full -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr \
	-fstrict-flex-arrays=3
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,-z,nodlopen \
	-Wl,--as-needed -Wl,--build-id
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3

ifeq ($(SAN),asan)
FORTIFY := -U_FORTIFY_SOURCE
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(SAN),ubsan)
SANFLAGS := -fsanitize=undefined -fsanitize-undefined-trap-on-error
else ifeq ($(SAN),fuzz)
FORTIFY := -U_FORTIFY_SOURCE
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
endif

CPPFLAGS_ALL := -I. -I$(B)/gen -D_GNU_SOURCE -DSTOCKADE_VERSION='"$(VERSION)"' $(FORTIFY) $(CPPFLAGS)
CFLAGS_ALL = -std=c17 $(HARDEN) $(WARN) $(PROBED) $(SANFLAGS) $(if $(filter 1,$(WERROR)),-Werror) $(CFLAGS)
LDFLAGS_ALL := $(LDHARDEN) $(SANFLAGS) $(LDFLAGS)

# --- sources -------------------------------------------------------------------------------------
SANDBOX_SRC := $(wildcard sandbox/*.c)
WORKER_SRC  := $(filter-out worker/main.c,$(wildcard worker/*.c worker/cli/*.c))
RUNTIME_SRC := $(filter-out jobs/cage/registry.c jobs/schema/main.c,$(wildcard jobs/cage/*.c jobs/schema/*.c))
JOBS_ALL    := $(wildcard jobs/*.c)
JOBTEST_SRC := $(wildcard jobs/test/*.c)
HOSTILE_SRC := $(wildcard tests/hostile/*.c)
HANDLERS_SRC := $(wildcard tests/handlers/*.c)
PROGRAMS_SRC := $(wildcard tests/programs/*.c)
NET_SRC     := $(wildcard tests/net/*.c)
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
TESTLIB_SRC := $(wildcard tests/lib/*.c)
TOOL_SRC    := $(wildcard tests/tools/*.c)
MUTATE_SRC  := $(addprefix tests/mutations/,main.c forge.c change.c)
ESCAPE_ACTS := tests/escape/attacks.c $(wildcard tests/escape/acts_*.c) tests/escape/mutate.c tests/hostile/acts.c tests/hostile/threads.c tests/hostile/find_secret.c
ESCAPE_SIDE := $(addprefix tests/escape/,driver.c lane.c scene.c control.c specials.c mutation.c) tests/lib/outer.c
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)
SCRIPTS     := $(wildcard worker/scripts/*.lua)

comma := ,
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

LIBSANDBOX := $(B)/libsandbox.a
LIBWORKER  := $(B)/libworker.a
LIBCAGE    := $(B)/libstockade-cage.a
LIBTEST    := $(B)/libstockade-test.a

WORKER_LIBS  := -lhiredis -lsodium -lconfig -levent_extra -levent_core -lseccomp -lcap
CAGE_LIBS    := -ljansson -lpcre2-8 -lseccomp -lcap -lm

# --- built-in jobs that need a library or a program of others: there if that is there ---------------
# $(call optional,job,condition,its further sources,libraries,what it needs). WITHOUT="thumbnail ..." leaves some out.
# A cage program that only tests run, and reads jobs/registry.def, has the jobs that need nothing.
WITHOUT  ?=
JOB_DEFS :=
JOB_LIBS :=
ABSENT   :=
OPTIONAL :=
LEFT_OUT :=
define optional
ifeq ($(and $(2),$(if $(filter $(1),$(WITHOUT)),,yes)),)
ABSENT += $(1) $(3)
LEFT_OUT += $(1)$(if $(filter $(1),$(WITHOUT)),(WITHOUT),(no-$(5)))
else
JOB_DEFS += -DSTOCKADE_JOB_$(1)
JOB_LIBS += $(4)
endif
OPTIONAL += $(1) $(3)
endef
# on a bare machine there is no pkg-config yet, which make job and make check can do without or install
libs = $(shell $(PKG_CONFIG) --silence-errors --libs $(1) 2>/dev/null)
ZLIB_LIBS    := $(call libs,zlib)
ARCHIVE_LIBS := $(call libs,libarchive)
PICTURE_LIBS := $(call libs,libpng libjpeg)
WEBHOOK_LIBS := $(if $(shell $(PKG_CONFIG) --exists 'libcurl >= 7.77' 2>/dev/null && echo yes),$(call libs,libcurl))
$(eval $(call optional,compress_file,$(ZLIB_LIBS),,$(ZLIB_LIBS),zlib))
$(eval $(call optional,verify_archive,$(ARCHIVE_LIBS),archive_name,$(ARCHIVE_LIBS),libarchive))
$(eval $(call optional,thumbnail,$(PICTURE_LIBS),picture picture_png picture_jpeg,$(PICTURE_LIBS),libpng-or-libjpeg))
$(eval $(call optional,deliver_webhook,$(WEBHOOK_LIBS),webhook_sign,$(WEBHOOK_LIBS),libcurl-7.77))
$(eval $(call optional,extract_text,$(wildcard /usr/bin/pdftotext),,,/usr/bin/pdftotext))
OPTIONAL_JOBS := compress_file verify_archive thumbnail deliver_webhook extract_text
$(foreach w,$(WITHOUT),$(if $(filter $(w),$(OPTIONAL_JOBS)),,$(error WITHOUT names $(w); the jobs that can be left out are $(OPTIONAL_JOBS))))
# handlers of tests over libraries of others: not built where one is absent
HANDLERS_LIBS := $(call libs,libpng libjpeg zlib libcrypto)

JOBS_SRC  := $(filter-out $(ABSENT:%=jobs/%.c),$(JOBS_ALL))
BASE_SRC  := $(filter-out $(OPTIONAL:%=jobs/%.c),$(JOBS_ALL))
gen        = $(patsubst jobs/%.c,$(B)/gen/jobs/%$(2),$(filter $(patsubst %.schema.json,%.c,$(wildcard jobs/*.schema.json)),$(1)))
GEN_H     := $(call gen,$(JOBS_ALL),.args.h)
GEN_OBJ   := $(call gen,$(JOBS_SRC),.bind.o)
BASE_GEN  := $(call gen,$(BASE_SRC),.bind.o)
JOB_LIBS  += -lsodium -lm

UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/test/%,$(UNIT_SRC))
TOOL_BIN := $(patsubst tests/tools/%.c,$(B)/test/stockade-%,$(TOOL_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/fuzz_%.c,$(B)/test/replay-%,$(FUZZ_SRC))

.PHONY: all tests bench-mutations install uninstall job fuzz-job demo check check-inner check-all chaos chaos-inner lint format check-format fuzz bootstrap clean help

all: $(B)/stockade $(B)/stockade-cage ## both programs, into $(B)/

tests: all $(UNIT_BIN) $(TOOL_BIN) $(B)/test/clock.so $(FUZZ_BIN) $(B)/test/hostile-cage $(if $(HANDLERS_LIBS),$(B)/test/handlers-cage) $(B)/test/programs-cage $(B)/test/net-cage $(B)/test/escape-cage $(B)/test/escape-driver $(B)/test/mutations $(B)/test/mutations-off $(B)/install/libstockade-cage.a $(LIBTEST) $(B)/test/fuzz-jobs ## everything the tests run

# --- what each compiler knows, asked once --------------------------------------------------------
$(B)/probed.mk: Makefile
	$(call say,PROBE,$@)
	$(Q)mkdir -p $(B) && printf 'PROBED :=' >$@.tmp && \
	for f in $(HARDEN_PROBED) $(WARN_PROBED); do \
		if echo 'int main(void){return 0;}' | $(CC) -Werror $$f -x c -c -o /dev/null - 2>/dev/null; \
		then printf ' %s' $$f >>$@.tmp; fi; \
	done && echo >>$@.tmp && mv $@.tmp $@
ifeq ($(filter clean help uninstall job fuzz-job bootstrap demo check check-all chaos format,$(MAKECMDGOALS)),)
-include $(B)/probed.mk
endif

# --- compiling -----------------------------------------------------------------------------------
$(B)/obj/%.o: %.c $(B)/probed.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The scripts ride inside the program as bytes (.incbin), so what runs is the file under review.
$(B)/obj/worker/scripts.o: $(SCRIPTS)

$(LIBSANDBOX): $(call obj,$(SANDBOX_SRC))
$(LIBWORKER): $(call obj,$(WORKER_SRC))
$(LIBCAGE): $(call obj,$(RUNTIME_SRC))
$(LIBTEST): $(call obj,$(JOBTEST_SRC))
$(B)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/stockade: $(call obj,worker/main.c) $(LIBWORKER) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(WORKER_LIBS)

# --- schemas -> argument structs, binders and validators (jobs/schema/) -----------------------------
# a build for another machine names one that runs here: make CC=aarch64-... SCHEMAC=build/stockade-schemac
SCHEMAC ?= $(B)/stockade-schemac
$(B)/stockade-schemac: $(call obj,jobs/schema/main.c) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS)

$(B)/gen/jobs/%.args.h $(B)/gen/jobs/%.bind.c: jobs/%.schema.json $(SCHEMAC)
	$(call say,SCHEMA,$<)
	$(Q)mkdir -p $(B)/gen/jobs && $(SCHEMAC) compile $< --out $(B)/gen/jobs
$(B)/gen/jobs/%.bind.o: $(B)/gen/jobs/%.bind.c $(B)/probed.mk
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(call obj,$(JOBS_ALL) $(HOSTILE_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(TOOL_SRC)): | $(GEN_H)

# What a registry says is checked before it is compiled: in words of its own, with its lines.
REGISTRY_DEPS := jobs/cage/registry.h jobs/schema/registry_lines.h $(SCHEMAC) $(wildcard jobs/*.schema.json tests/hostile/*.schema.json)
$(B)/obj/registry-jobs.checked: jobs/registry.def $(call obj,$(JOBS_SRC)) $(REGISTRY_DEPS)
$(B)/obj/registry-jobs.checked $(B)/obj/registry-jobs.o: REGISTRY_DEFS := $(JOB_DEFS)
$(B)/obj/registry-jobs.checked $(B)/obj/registry-jobs.o: $(B)/optional
$(B)/obj/registry-hostile.checked: tests/hostile/registry.def jobs/registry.def $(call obj,$(BASE_SRC) $(HOSTILE_SRC)) $(REGISTRY_DEPS)
$(B)/obj/registry-handlers.checked: tests/handlers/registry.def $(call obj,$(HANDLERS_SRC)) $(REGISTRY_DEPS)
$(B)/obj/registry-programs.checked: tests/programs/registry.def $(call obj,$(PROGRAMS_SRC)) $(REGISTRY_DEPS)
# the limits that tests ask for are those of an operator who raised the ceiling
$(B)/obj/registry-hostile.checked: BEYOND := beyond
$(B)/obj/registry-%.checked:
	$(call say,CHECK,$<)
	$(Q)$(CC) -E -P -I. '-DSTOCKADE_REGISTRY="$<"' $(REGISTRY_DEFS) jobs/schema/registry_lines.h >$@.lines && \
	nm -g --defined-only $(filter %.o,$^) >$@.symbols && \
	$(SCHEMAC) registry $@.lines $@.symbols $(BEYOND) && touch $@

# --- for jobs out of this tree -----------------------------------------------------------------------
PREFIX ?= /usr/local
DESTDIR ?=
# runtime and wall in one library; q, because members of different folders may share a name
$(B)/install/libstockade-cage.a: $(call obj,$(RUNTIME_SRC) $(SANDBOX_SRC))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar qcsD $@ $^

install: all $(B)/stockade-schemac $(B)/install/libstockade-cage.a $(LIBTEST) ## programs, library, headers, stockade.mk, pages; PREFIX=/usr/local DESTDIR=
	@sh contrib/install/install.sh install $(B) '$(PREFIX)' '$(DESTDIR)' $(VERSION)
uninstall: ## takes back what install put there
	@sh contrib/install/install.sh uninstall $(B) '$(PREFIX)' '$(DESTDIR)' $(VERSION)

# Which of the optional jobs were there when it was built: another answer builds the registry anew.
$(B)/optional: FORCE
	@mkdir -p $(B) && { echo '$(JOB_DEFS) $(CURL_LIBS)' | cmp -s - $@ || echo '$(JOB_DEFS) $(CURL_LIBS)' >$@; }
# phony: under .SECONDARY a target that merely does not exist forces nothing
.PHONY: FORCE
FORCE:

# A cage program is the runtime plus one registry; the registry's path is all that differs.
$(B)/obj/registry-jobs.o: jobs/cage/registry.c jobs/registry.def $(B)/obj/registry-jobs.checked $(wildcard jobs/*.schema.json) $(B)/probed.mk
	$(call say,CC,$< (jobs/registry.def))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(REGISTRY_DEFS) -DSTOCKADE_REGISTRY='"jobs/registry.def"' \
		-MMD -MP -c -o $@ $<
$(B)/obj/registry-hostile.o: jobs/cage/registry.c tests/hostile/registry.def $(B)/obj/registry-hostile.checked \
		$(wildcard jobs/*.schema.json tests/hostile/*.schema.json) $(B)/probed.mk
	$(call say,CC,$< (tests/hostile/registry.def))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) \
		-DSTOCKADE_REGISTRY='"tests/hostile/registry.def"' -MMD -MP -c -o $@ $<

$(B)/obj/registry-handlers.o: jobs/cage/registry.c tests/handlers/registry.def $(B)/obj/registry-handlers.checked \
		$(wildcard tests/hostile/*.schema.json) $(B)/probed.mk
	$(call say,CC,$< (tests/handlers/registry.def))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) \
		-DSTOCKADE_REGISTRY='"tests/handlers/registry.def"' -MMD -MP -c -o $@ $<

$(B)/obj/registry-programs.o: jobs/cage/registry.c tests/programs/registry.def $(B)/obj/registry-programs.checked \
		$(wildcard tests/hostile/*.schema.json) $(B)/probed.mk
	$(call say,CC,$< (tests/programs/registry.def))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) \
		-DSTOCKADE_REGISTRY='"tests/programs/registry.def"' -MMD -MP -c -o $@ $<

$(B)/stockade-cage: $(B)/obj/registry-jobs.o $(call obj,$(JOBS_SRC)) $(GEN_OBJ) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS) $(JOB_LIBS) && chmod 555 $@
	@$(foreach left,$(LEFT_OUT),printf '  WITHOUT %s\n' '$(left)';)

$(B)/test/hostile-cage: $(B)/obj/registry-hostile.o $(call obj,$(HOSTILE_SRC) $(BASE_SRC)) $(BASE_GEN) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS) -lsodium -lm && chmod 555 $@

# The handlers behind their schemas, each fed with arguments made from bytes: replayed by `make check`,
# fuzzed by `make fuzz-job`. With libFuzzer its main is the fuzzer's, else that of jobs/test/drive.c.
FUZZ_JOBS := $(B)/obj/registry-jobs.o $(call obj,$(JOBS_SRC)) $(GEN_OBJ) $(LIBTEST) $(LIBCAGE) $(LIBSANDBOX)
$(B)/test/fuzz-jobs: $(FUZZ_JOBS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS) $(JOB_LIBS)
$(B)/fuzz-jobs: $(FUZZ_JOBS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(CAGE_LIBS) $(JOB_LIBS)

# Libraries that real handlers use; only this program links them.
$(B)/test/handlers-cage: $(B)/obj/registry-handlers.o $(call obj,$(HANDLERS_SRC)) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS) $(HANDLERS_LIBS) && chmod 555 $@

$(B)/test/programs-cage: $(B)/obj/registry-programs.o $(call obj,$(PROGRAMS_SRC)) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS) && chmod 555 $@

# A cage program that connects; with libcurl in it where that can be compiled.
CURL_LIBS := $(call libs,libcurl)
NET_DEFS  := -DSTOCKADE_REGISTRY='"tests/net/registry.def"' $(if $(CURL_LIBS),-DSTOCKADE_HAS_CURL) \
	$(filter %deliver_webhook,$(JOB_DEFS))
# the built-in job that connects, under a line that lets it reach a server of a test
NET_JOBS  := $(filter jobs/deliver_webhook.c jobs/webhook_sign.c,$(JOBS_SRC))
$(B)/obj/registry-net.o: jobs/cage/registry.c tests/net/registry.def tests/hostile/any.schema.json $(B)/optional $(B)/probed.mk
	$(call say,CC,$< (tests/net/registry.def))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(NET_DEFS) -MMD -MP -c -o $@ $<
$(call obj,$(NET_SRC)): CPPFLAGS_ALL += $(NET_DEFS)
$(call obj,$(NET_SRC)): $(B)/optional
$(B)/test/net-cage: $(B)/obj/registry-net.o $(call obj,$(NET_SRC) $(NET_JOBS)) $(filter %/deliver_webhook.bind.o,$(GEN_OBJ)) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(CAGE_LIBS) $(CURL_LIBS) -lsodium && chmod 555 $@

# The escape suite: the acts behind the wall, and the driver that also runs them without it. In both,
# and nowhere else, a layer of the wall can be switched off (tests/escape/mutate.c).
WRAPPED := stk_filter_install stk_filter_tiny_install stk_landlock_restrict stk_landlock_create \
	stk_caps_drop stk_caps_verify stk_procstat stk_procstat_proves prctl syscall
WRAPS := $(addprefix -Wl$(comma)--wrap=,$(WRAPPED))
$(B)/obj/registry-escape.o: jobs/cage/registry.c tests/escape/registry.def tests/escape/act.schema.json $(B)/probed.mk
	$(call say,CC,$< (tests/escape/registry.def))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) \
		-DSTOCKADE_REGISTRY='"tests/escape/registry.def"' -MMD -MP -c -o $@ $<
$(B)/test/escape-cage: $(B)/obj/registry-escape.o $(call obj,$(ESCAPE_ACTS) tests/escape/bindings.c) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(WRAPS) -o $@ $^ $(CAGE_LIBS) && chmod 555 $@
$(B)/test/escape-driver: $(call obj,$(ESCAPE_ACTS) $(ESCAPE_SIDE)) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(WRAPS) -o $@ $^ -lseccomp -lcap

# Mutated payloads: the worker's own objects, and a control in which one check can be left out.
UNCHECKED := stk_seal_verify stk_b64url_decode stk_keyring_find stk_keyring_has_audience stk_keyring_allows \
	stk_envelope_names_queue stk_message_decode stk_json_same_string stk_payload_scan
$(B)/test/mutations: $(call obj,$(MUTATE_SRC) tests/mutations/on.c) $(LIBWORKER) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(WORKER_LIBS)
$(B)/test/mutations-off: $(call obj,$(MUTATE_SRC) tests/mutations/off.c) $(LIBWORKER) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(addprefix -Wl$(comma)--wrap=,$(UNCHECKED)) -o $@ $^ $(WORKER_LIBS)

# --- tests ---------------------------------------------------------------------------------------
$(B)/test/test_%: $(B)/obj/tests/unit/test_%.o $(call obj,$(TESTLIB_SRC)) $(LIBTEST) $(LIBWORKER) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(WORKER_LIBS) $(CAGE_LIBS) -lm
# What feeds a built-in job makes its files with the job's own library.
$(B)/test/test_job_%: $(B)/obj/tests/unit/test_job_%.o $(call obj,$(TESTLIB_SRC)) $(LIBTEST) $(LIBWORKER) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(WORKER_LIBS) $(CAGE_LIBS) $(JOB_LIBS)
$(B)/obj/tests/unit/test_job_%.o: CPPFLAGS_ALL += $(JOB_DEFS)
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/unit/test_job_*.c)): $(B)/optional
$(B)/test/clock.so: tests/preload/clock.c tests/lib/clock.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) -std=c17 $(filter-out -fPIE,$(HARDEN)) $(WARN) $(if $(filter 1,$(WERROR)),-Werror) -fPIC -shared -o $@ $<
$(B)/test/stockade-%: $(B)/obj/tests/tools/%.o $(call obj,tests/lib/outer.c) $(LIBWORKER) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(WORKER_LIBS) $(CAGE_LIBS) -lm
$(B)/test/replay-%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(LIBWORKER) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(WORKER_LIBS) $(CAGE_LIBS) -lm
$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(LIBWORKER) $(LIBCAGE) $(LIBSANDBOX)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(WORKER_LIBS) $(CAGE_LIBS) -lm

bootstrap: ## install what a bare Debian or Ubuntu lacks (root or sudo), else print the one line
	@contrib/bootstrap

demo: bootstrap ## a private Redis, good jobs, forged jobs, hostile jobs: the table of what happens
	@tests/as-user.sh sh contrib/demo/demo.sh

check: bootstrap ## every test that each commit needs; closes with N passed, N failed, N skipped
	@tests/as-user.sh --root-tests $(MAKE) --no-print-directory check-inner

check-inner:
	@$(MAKE) --no-print-directory -j$$(nproc) WERROR=1 tests
	@tests/run.sh $(B)

check-all: bootstrap ## check, then the long parts: sanitizers, analyzers, fuzzing, bare roots
	@tests/check-all.sh

chaos: bootstrap ## N=1000 jobs while everything that can die is killed: lost 0, doubled 0
	@tests/as-user.sh $(MAKE) --no-print-directory chaos-inner N=$(or $(N),1000) CHAOS_S=$(or $(CHAOS_S),120)

chaos-inner: all
	@N=$(N) CHAOS_S=$(CHAOS_S) B=$(B) sh tests/chaos.sh

bench-mutations: $(B)/test/mutations ## N=1000000 mutated payloads, none of which may be admitted
	@$< $(or $(N),1000000) $(SEED)

# by the environment, so that no word of theirs is one to the shell
job fuzz-job: export NAME := $(NAME)
job: export PROFILE := $(or $(PROFILE),pure)
job: ## NAME=SendInvoice [PROFILE=files,net]: a new job with schema, registry line, test and page
	@sh contrib/new-job.sh "$$NAME" "$$PROFILE"

fuzz-job: ## NAME=SendInvoice [SECONDS=60]: arguments made from its schema, its handler under sanitizers
	@B='$(B)' MAKE='$(MAKE)' sh contrib/fuzz-job.sh "$$NAME" '$(or $(SECONDS),60)'

lint: $(GEN_H) ## include arrows, ARCHITECTURE's file list, banned words, formatting, analyzers
	@tests/lint.sh $(B)

format: ## clang-format over every C file (tables in *.def are left to the hand)
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' ':!jobs/schema/registry_lines.h' | xargs clang-format -i

check-format: ## say which files clang-format would change
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' ':!jobs/schema/registry_lines.h' | xargs clang-format --dry-run -Werror

fuzz: ## T=60 seconds of libFuzzer for each parser (needs clang)
	@for t in $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)); do \
		$(MAKE) --no-print-directory CC=clang SAN=fuzz B=$(B)/fz $(B)/fz/fuzz/$$t && \
		mkdir -p $(B)/fz/corpus/$$t && \
		$(B)/fz/fuzz/$$t -max_total_time=$${T:-60} -rss_limit_mb=1024 \
			$$(test -f tests/fuzz/json.dict && echo -dict=tests/fuzz/json.dict) \
			$(B)/fz/corpus/$$t tests/fuzz/seeds/$$t || exit 1; \
		echo "ok - fuzz: $$t, $${T:-60} s without a finding"; done

clean: ## remove $(B)/
	$(Q)rm -rf $(B)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

-include $(shell find $(B)/obj $(B)/gen -name '*.d' 2>/dev/null)
