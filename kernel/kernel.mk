# SPDX-License-Identifier: MIT
# The kernel: its portable code, the code of the architecture and of machines, what is generated from the interface
# files, and the reading part of libfdt. init goes inside the kernel, as a flat image.

KERNEL_ARCH := kernel/arch/riscv
KERNEL_SOURCES := $(wildcard kernel/*.c kernel/machine/*.c $(KERNEL_ARCH)/*.c $(KERNEL_ARCH)/*.S)
KERNEL_SOURCES := $(filter-out $(KERNEL_ARCH)/offsets.c,$(KERNEL_SOURCES)) $(GENERATED)/kernel/dispatch.c

KERNEL_INCLUDES := -iquote kernel -iquote $(KERNEL_ARCH) -iquote $(GENERATED)/kernel -iquote $(OUT)/generated \
    -isystem kernel/include-libfdt -isystem $(FDT)
# Small is fast in a kernel, but for what every invocation and every fault runs through. All is compiled at link time,
# when the compiler sees which function has one caller and what is never reached; but not in debug builds, where each
# function is to be found where it was written. Some optimisations make it larger: forward propagation by 260 bytes, others
# by 550. Equal ends of code are merged even if they are one instruction, and constants, which nothing tells apart by their
# addresses, if they are equal.
KERNEL_HOT := $(addprefix kernel/,bank.c capability.c frame.c invoke.c mapping.c mapping_operations.c) \
    $(GENERATED)/kernel/dispatch.c
KERNEL_OPTIMISE = -Os -fno-jump-tables
KERNEL_LTO = $(if $(filter debug,$(BUILD)),,-flto=1 -flto-partition=one -mtune=size -fno-move-loop-invariants \
    -fno-tree-forwprop -fno-expensive-optimizations --param=min-crossjump-insns=1 -fmerge-all-constants \
    -fno-tree-ch -fno-partial-inlining -fno-caller-saves -fno-tree-loop-im -fno-ssa-phiopt -mbranch-cost=6 \
    --param=uninlined-function-insns=0)
# The pages of text and constants, one of small variables (kernel.ld), and three or more between, which the code fills
# before the linker has shortened it.
KERNEL_IMAGE_BYTES_debug := 0x28000
# A debug kernel is too large for the linker to shorten its code by addresses (kernel.ld).
KERNEL_LDFLAGS_debug := -Wl,--no-relax
KERNEL_LDFLAGS_release :=
KERNEL_LDFLAGS_measure :=
KERNEL_IMAGE_BYTES_release := 0x20000
KERNEL_IMAGE_BYTES_measure := 0x20000
# Linker relaxation makes calls short; without a global pointer symbol it leaves gp alone, which is the user's.
KERNEL_CFLAGS = $(TARGET_CFLAGS) $(KERNEL_INCLUDES) -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medlow -msave-restore \
    -malign-data=natural $(KERNEL_LTO) $(KERNEL_OPTIMISE)

KERNEL_OBJECTS := $(call objects,$(KERNEL_SOURCES))
FDT_OBJECTS := $(call objects,$(FDT_SOURCES))

$(KERNEL_OBJECTS): $(OUT)/objects/%.o: % Makefile kernel/kernel.mk | $(INTERFACES_STAMP) $(FDT_STAMP)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -c $< -o $@

$(call objects,$(KERNEL_HOT)): private KERNEL_OPTIMISE = -O2 -fno-inline-functions -fno-partial-inlining -fno-ipa-cp \
    -ftree-forwprop -fcaller-saves -ftree-loop-im -fssa-phiopt
# Straight paths with prologues of their own, which the compiler shares only at link time.
KERNEL_STRAIGHT := $(call objects,$(addprefix kernel/,quick_call.c straight.c))
# The same for speed. Loads that are moved ahead for a pipeline's sake would cost more registers than are free, and so stores.
KERNEL_STRAIGHT_FAST := $(call objects,$(addprefix kernel/,account.c deadline.c hand_over.c ready.c \
    ring_call.c ring_take.c tree.c))
$(KERNEL_STRAIGHT) $(KERNEL_STRAIGHT_FAST): private KERNEL_LTO =
$(KERNEL_STRAIGHT): private KERNEL_OPTIMISE = -Os -mno-save-restore -mtune=size
$(KERNEL_STRAIGHT_FAST): private KERNEL_OPTIMISE = -O2 -mno-save-restore -mtune=size -fno-schedule-insns \
    -fno-ipa-cp -fno-ipa-sra
# The compiler makes calls of these by itself, so late that they must be there as they are.
$(call objects,kernel/string.c): private KERNEL_LTO =

# The code of others is compiled with its own idea of warnings. device_tree.c refuses trees of older versions.
$(FDT_OBJECTS): $(OUT)/objects/%.o: % Makefile kernel/kernel.mk
	@mkdir -p $(@D)
	$(CC) $(filter-out $(WARNINGS),$(KERNEL_CFLAGS)) -DFDT_ASSUME_MASK=4 -c $< -o $@

# Offsets of C structures for assembly: offsets.c emits lines `->NAME VALUE` among the compiler's assembly.
OFFSETS := $(OUT)/generated/offsets.h
$(OFFSETS): $(KERNEL_ARCH)/offsets.c Makefile kernel/kernel.mk | $(INTERFACES_STAMP) $(FDT_STAMP)
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -fno-lto -MT $@ -MF $@.d -S $< -o $(@D)/offsets.s
	sed -n 's/^[[:space:]]*->\([A-Za-z0-9_]*\) [#$$]*\(-*[0-9]*\)/#define \1 \2/p' $(@D)/offsets.s >$@
$(filter %.S.o,$(KERNEL_OBJECTS)): $(OFFSETS)

INIT_IMAGE_OBJECT := $(call objects,$(KERNEL_ARCH)/init_image.S)
$(INIT_IMAGE_OBJECT): $(OUT)/init.bin
$(INIT_IMAGE_OBJECT): private KERNEL_CFLAGS += -DINIT_IMAGE=\"$(OUT)/init.bin\"

$(OUT)/kernel.elf: $(KERNEL_OBJECTS) $(FDT_OBJECTS) $(KERNEL_ARCH)/kernel.ld
	$(CC) $(KERNEL_CFLAGS) $(TARGET_LDFLAGS) $(KERNEL_LDFLAGS_$(BUILD)) -T $(KERNEL_ARCH)/kernel.ld -Wl,-Map,$(OUT)/kernel.map \
	    -Wl,--defsym=KERNEL_IMAGE_BYTES=$(KERNEL_IMAGE_BYTES_$(BUILD)) \
	    -Wl,--defsym=KERNEL_IS_NOT_RELAXED=$(if $(KERNEL_LDFLAGS_$(BUILD)),1,0) \
	    $(filter %.o,$^) -o $@

$(OUT)/winkle.img: $(OUT)/kernel.elf
	$(OBJCOPY) -O binary $< $@

-include $(KERNEL_OBJECTS:.o=.d) $(FDT_OBJECTS:.o=.d) $(OFFSETS).d
