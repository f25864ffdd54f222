# SPDX-License-Identifier: MIT
# The kernel's portable code as ordinary programs of the build machine, with the host port of the architecture:
#   build/host/gcc      unit tests, under the compiler's sanitizers
#   build/host/clang    unit tests and fuzzers, under that compiler's, and counting what runs
# tests/host/NAME_test.c and tests/fuzz/NAME.c are one program each; the other files of tests/host go into all of them.

# string.c is the freestanding kernel's replacement for what a host program gets from its C library.
HOST_KERNEL_SOURCES := $(filter-out kernel/string.c,$(wildcard kernel/*.c)) $(wildcard kernel/arch/host/*.c) \
    kernel/machine/known.c \
    $(GENERATED)/kernel/dispatch.c
UNIT_SOURCES := $(wildcard tests/host/*_test.c)
FUZZ_SOURCES := $(wildcard tests/fuzz/*.c)
HOST_SUPPORT_SOURCES := $(filter-out $(UNIT_SOURCES),$(wildcard tests/host/*.c)) $(GENERATED)/tests/interface_table.c
HOST_SOURCES := $(HOST_KERNEL_SOURCES) $(HOST_SUPPORT_SOURCES) $(UNIT_SOURCES) $(FUZZ_SOURCES)
HOST_SHARED_SOURCES := $(HOST_KERNEL_SOURCES) $(HOST_SUPPORT_SOURCES) $(FDT_HOST_SOURCES)

HOST_CFLAGS := $(COMMON_CFLAGS) -O1 -fno-omit-frame-pointer -DWINKLE_DEBUG=1 -DWINKLE_HOST=1 -Ilib \
    -iquote kernel -iquote kernel/arch/host -iquote $(GENERATED)/kernel -iquote $(GENERATED)/tests -iquote tests/host \
    -isystem $(FDT)
SANITIZE := address,undefined -fno-sanitize-recover=all
HOST_gcc := gcc $(HOST_CFLAGS) -fsanitize=$(SANITIZE)
HOST_clang := clang $(HOST_CFLAGS) -fsanitize=fuzzer-no-link,$(SANITIZE) -fprofile-instr-generate=/dev/null \
    -fcoverage-mapping

# A test may write to a ring between any two reads of the kernel.
HOST_HOSTILE_READS := kernel/ring_call.c kernel/ring_entries.c kernel/ring_take.c kernel/ring_operations.c \
    kernel/ring_poller.c

# $(call host-objects,VARIANT,FILES)
host-objects = $(patsubst %,build/host/$1/%.o,$2)
# $(call host-rules,VARIANT)
define host-rules
$(call host-objects,$1,$(HOST_SOURCES)): build/host/$1/%.o: % Makefile tests/tests.mk | $(INTERFACES_STAMP) $(FDT_STAMP)
	@mkdir -p $$(@D)
	$(HOST_$1) $$(if $$(filter $$<,$(HOST_HOSTILE_READS)),-include tests/host/hostile_reads.h) -c $$< -o $$@

$(call host-objects,$1,$(FDT_HOST_SOURCES)): build/host/$1/%.o: %
	@mkdir -p $$(@D)
	$(filter-out $(WARNINGS),$(HOST_$1)) -c $$< -o $$@

build/host/$1/%_test: build/host/$1/tests/host/%_test.c.o $(call host-objects,$1,$(HOST_SHARED_SOURCES))
	$(HOST_$1) $$^ -lcmocka -o $$@

build/host/$1/%_fuzz: build/host/$1/tests/fuzz/%.c.o $(call host-objects,$1,$(HOST_SHARED_SOURCES))
	$(HOST_$1) -fsanitize=fuzzer $$^ -lcmocka -o $$@

-include $(patsubst %.o,%.d,$(call host-objects,$1,$(HOST_SOURCES)))

endef
$(eval $(foreach variant,gcc clang,$(call host-rules,$(variant))))

# $(call host-programs,VARIANT,SOURCES,SUFFIX)
host-programs = $(patsubst %,build/host/$1/%$3,$(basename $(notdir $2)))

.PHONY: host host-unit host-fuzz
host: host-unit host-fuzz
host-unit: $(foreach variant,gcc clang,$(call host-programs,$(variant),$(UNIT_SOURCES),))
host-fuzz: $(call host-programs,clang,$(FUZZ_SOURCES),_fuzz)
