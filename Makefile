# SPDX-License-Identifier: MIT
# Winkle's build: one make for the whole tree, a fragment for each part. `./winkle` calls it; by hand:
#   make                    kernel image and boot archive of the debug build, in build/debug
#   make BUILD=release      the same without the expensive checks
#   make BUILD=measure      the release build with the kernel's own meters of interrupts-off and lock-hold times
#   make host               the kernel's portable code and its tests as ordinary programs, in build/host
#   make manual             the reference manual, in docs/manual

BUILD ?= debug
ifeq ($(filter $(BUILD),debug release measure),)
$(error there is no build '$(BUILD)'; the builds are debug, release and measure)
endif

MAKEFLAGS += --no-builtin-rules --warn-undefined-variables
.SUFFIXES:
.DELETE_ON_ERROR:

OUT := build/$(BUILD)
# An object is named after the whole name of its source: kernel/bank.c becomes build/debug/objects/kernel/bank.c.o.
objects = $(patsubst %,$(OUT)/objects/%.o,$1)
GENERATED := build/generated
PYTHON := python3
CC := riscv64-linux-gnu-gcc
OBJCOPY := riscv64-linux-gnu-objcopy

# What all C code of the project is compiled with, on any machine.
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wundef \
    -Wswitch-enum -Wvla -Wpointer-arith -Wwrite-strings
COMMON_CFLAGS := -std=gnu11 -g -fno-common -ffunction-sections -fdata-sections -MMD -MP $(WARNINGS) \
    -I$(GENERATED)/include -Iinterfaces
BUILD_CFLAGS_debug := -DWINKLE_DEBUG=1 -fno-omit-frame-pointer -fno-optimize-sibling-calls
BUILD_CFLAGS_release :=
BUILD_CFLAGS_measure := -DWINKLE_MEASURE=1
# What runs on Winkle's machines, kernel and native programs: no libc, position-dependent, paths in debug information
# and assertions relative to the project; and no loop becomes a call of memcpy, which is made of such loops.
TARGET_CFLAGS := $(COMMON_CFLAGS) -O2 -ffreestanding -fno-pic -fno-pie -fno-stack-protector -mcmodel=medany \
    -fno-tree-loop-distribute-patterns -ffile-prefix-map=$(CURDIR)/= $(BUILD_CFLAGS_$(BUILD))
TARGET_LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections,--build-id=none,-z,noexecstack,--no-warn-rwx-segments

.PHONY: image
image: $(OUT)/winkle.img $(OUT)/boot.cpio $(OUT)/small.cpio build/compile_commands.json

FRAGMENTS := kernel/kernel.mk lib/lib.mk programs/programs.mk tests/tests.mk
# A folder's time changes when a file comes or goes.
SOURCE_FOLDERS := $(wildcard kernel kernel/machine kernel/arch/riscv kernel/arch/host lib/* \
    programs programs/* services services/* drivers drivers/* personality personality/* \
    tests/abuse tests/system tests/host tests/fuzz)

# Everything derived from the interface files. The generator leaves files alone whose text did not change.
INTERFACES := $(wildcard interfaces/*.interface)
INTERFACES_STAMP := $(GENERATED)/interfaces.stamp
$(INTERFACES_STAMP): tools/interfaces.py $(wildcard tools/generator/*.py) $(INTERFACES) $(wildcard interfaces/lock)
	@mkdir -p $(@D)
	$(PYTHON) tools/interfaces.py --out $(GENERATED) $(INTERFACES)
	@touch $@
$(GENERATED)/kernel/dispatch.c $(GENERATED)/tests/interface_table.c: $(INTERFACES_STAMP) ;

# libfdt, which reads the device tree, is built from the source that Debian has of it.
FDT_STAMP := build/sources/device-tree-compiler.stamp
FDT := build/sources/device-tree-compiler/libfdt
FDT_SOURCES := $(addprefix $(FDT)/,fdt.c fdt_ro.c fdt_addresses.c)
# Tests also write device trees.
FDT_HOST_SOURCES := $(FDT_SOURCES) $(addprefix $(FDT)/,fdt_rw.c fdt_sw.c fdt_wip.c)
$(FDT_STAMP): tools/sources.txt
	$(PYTHON) tools/packages.py source device-tree-compiler >/dev/null
	@touch $@
$(FDT_HOST_SOURCES): $(FDT_STAMP) ;

# What checks of the source need beside it.
.PHONY: generated
generated: $(INTERFACES_STAMP) $(FDT_STAMP) $(OUT)/generated/offsets.h

# The page of the book that lists the calls of Linux; a test tells when it is not current.
.PHONY: linux-calls
linux-calls:
	$(PYTHON) tools/linux_calls.py --page docs/linux-calls.md personality/linux/calls.list tests/linux/coverage.txt

.PHONY: manual
manual:
	$(PYTHON) tools/interfaces.py --manual docs/manual $(INTERFACES)

include $(FRAGMENTS)

# For editors and clang-tidy: how each file is compiled.
# $(call compile-entries,FILES,COMMAND)
compile-entries = $(foreach file,$1,{"directory": "$(CURDIR)", "file": "$(file)", "command": "$2 -c $(file)"})
define separator
},
{
endef
build/compile_commands.json: Makefile $(FRAGMENTS) $(SOURCE_FOLDERS) | $(INTERFACES_STAMP)
	$(file >$@,[$(subst } {,$(separator), \
	    $(call compile-entries,$(filter %.c,$(KERNEL_SOURCES)),$(CC) $(KERNEL_CFLAGS)) \
	    $(call compile-entries,$(filter %.c,$(NATIVE_SOURCES)),$(CC) $(NATIVE_CFLAGS)) \
	    $(call compile-entries,$(UNIT_SOURCES) $(HOST_SUPPORT_SOURCES) $(FUZZ_SOURCES),clang $(HOST_CFLAGS)))])
	@touch $@

# The emulator's plugin that tells what each hart did. It is compiled for the machine that builds.
build/turns.so: tools/turns.c
	@mkdir -p $(@D)
	version=$$(qemu-system-riscv64 --version | sed -n 's/.* version \([0-9]*\).*/\1/p') && \
	    gcc -std=c11 -O2 $(WARNINGS) -DEMULATOR_VERSION="$$version" -shared -fPIC $< -o $@

# The whole of what a Linux finds that is measured beside Winkle.
build/linux.cpio: tests/bench/linux_init.c tools/archive.py
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -static $(WARNINGS) $< -o build/linux_init
	$(PYTHON) tools/archive.py $@ init=build/linux_init

# A kernel that tells how many instructions the firmware took.
build/handoff.img: tests/bench/handoff.S
	@mkdir -p $(@D)
	$(CC) -nostdlib -static -Wl,-Ttext=0x80200000,--build-id=none $< -o build/handoff.elf
	$(OBJCOPY) -O binary build/handoff.elf $@

.PHONY: format
format:
	$(PYTHON) tools/lint.py clang-format
	clang-format -i $(shell find kernel lib interfaces programs services drivers personality tests -name '*.[ch]' -not -path '*/golden/*')

.PHONY: clean
clean:
	rm -rf build/debug build/release build/measure build/host build/generated build/compile_commands.json

# For tools/lint.py: the value of a variable.
.PHONY: print-%
print-%:
	@echo '$($*)'
