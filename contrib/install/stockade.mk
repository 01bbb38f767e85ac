# stockade.mk - a cage program from a folder of jobs, outside of stockade's own tree:
#
#	CAGE = acme-cage
#	LIBS = -lz
#	include $(shell pkg-config --variable=mk stockade)
#
# Each job is name.c with name.schema.json beside it, and a line JOB(name, ...) in registry.def; a .c file
# without a schema is a helper. Handlers include <stockade/job.h> and "name.args.h".
#
#	CAGE      the program's name              JOBS      its sources; else every .c here
#	REGISTRY  registry.def                    LIBS      what the handlers link
#	TESTS     tests/*.sh, run by `make check` with STOCKADE and CAGE set
#	UNITS     tests/*.c, each a cmocka program with <stockade/job_test.h>, likewise
#	B         build                           CFLAGS, CPPFLAGS, LDFLAGS   added to ours
#
# Targets: all, check, clean.
CAGE     ?= jobs-cage
REGISTRY ?= registry.def
JOBS     ?= $(wildcard *.c)
TESTS    ?= $(wildcard tests/*.sh)
UNITS    ?= $(wildcard tests/*.c)
B        ?= build
PKG_CONFIG ?= pkg-config
ifeq ($(origin CC),default)
CC := gcc
endif

stockade_build   := $(shell $(PKG_CONFIG) --variable=build stockade)
stockade_schemac := $(shell $(PKG_CONFIG) --variable=schemac stockade)
stockade_program := $(shell $(PKG_CONFIG) --variable=program stockade)
stockade_libs    := $(shell $(PKG_CONFIG) --libs stockade)
stockade_schemas := $(wildcard $(JOBS:.c=.schema.json))
stockade_bound   := $(stockade_schemas:%.schema.json=$(B)/gen/%.bind.o)
stockade_args    := $(stockade_schemas:%.schema.json=$(B)/gen/%.args.h)
stockade_objects := $(JOBS:%.c=$(B)/%.o)

# the flags of stockade's own handlers (ARCHITECTURE.md there says what each is for)
stockade_cflags := -std=c17 -O2 -g -Wall -Wextra -Wformat=2 -Wvla -Werror=implicit-function-declaration \
	-Werror=incompatible-pointer-types -Werror=int-conversion -Werror=return-type \
	-fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-overflow \
	-fno-delete-null-pointer-checks -fno-strict-aliasing -fno-common -ffile-prefix-map=$(CURDIR)=.
stockade_cppflags := -I$(B)/gen -I. -I$(stockade_build) $(shell $(PKG_CONFIG) --cflags stockade) \
	-D_GNU_SOURCE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
stockade_ldflags := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,-z,nodlopen -Wl,--as-needed -Wl,--build-id
stockade_registry := -DSTOCKADE_REGISTRY='"$(REGISTRY)"' -DSTOCKADE_SCHEMA_DIR='"./"'
stockade_cc = $(CC) $(stockade_cppflags) $(CPPFLAGS) $(stockade_cflags) $(CFLAGS)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check clean
all: $(B)/$(CAGE)

$(B)/gen/%.args.h $(B)/gen/%.bind.c: %.schema.json $(stockade_schemac)
	@mkdir -p $(@D)
	$(stockade_schemac) compile $< --out $(@D)
$(B)/gen/%.bind.o: $(B)/gen/%.bind.c
	$(stockade_cc) -MMD -MP -c -o $@ $<
$(B)/%.o: %.c | $(stockade_args)
	@mkdir -p $(@D)
	$(stockade_cc) -MMD -MP -c -o $@ $<

# the whitelist is checked in words of its own before it is compiled
$(B)/registry.checked: $(REGISTRY) $(stockade_objects) $(stockade_schemas)
	$(CC) -E -P -I. -I$(stockade_build) $(stockade_registry) $(stockade_build)/jobs/schema/registry_lines.h >$@.lines
	nm -g --defined-only $(stockade_objects) >$@.symbols
	$(stockade_schemac) registry $@.lines $@.symbols
	@touch $@
$(B)/registry.o: $(REGISTRY) $(B)/registry.checked
	$(stockade_cc) $(stockade_registry) -MMD -MP -c -o $@ $(stockade_build)/jobs/cage/registry.c

# 555: its user must not be able to write what it runs
$(B)/$(CAGE): $(B)/registry.o $(stockade_objects) $(stockade_bound)
	@rm -f $@
	$(CC) $(stockade_cflags) $(CFLAGS) $(stockade_ldflags) $(LDFLAGS) -o $@ $^ $(stockade_libs) $(LIBS)
	@chmod 555 $@

# each .c of the tests is one program; it runs the jobs of this cage program and links none of them
stockade_units := $(UNITS:%.c=$(B)/%)
$(B)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(stockade_cc) $(stockade_ldflags) $(LDFLAGS) -MMD -MP -o $@ $< \
		$(shell $(PKG_CONFIG) --cflags --libs stockade-test) $(LIBS)

check: all $(stockade_units)
	@export STOCKADE=$(stockade_program) CAGE=$(abspath $(B)/$(CAGE)); \
	for t in $(stockade_units); do $$t || exit 1; done; \
	for t in $(TESTS); do sh $$t || exit 1; done

clean:
	rm -rf $(B)

-include $(wildcard $(B)/*.d $(B)/gen/*.d $(B)/tests/*.d)
