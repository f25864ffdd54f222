# SPDX-License-Identifier: MIT
# Native programs and the boot archive that carries them. A program is a folder, NAME in programs, services, drivers or
# personality, or one file of the tests: tests/abuse/NAME.c becomes abuse-NAME, tests/system/NAME.c test-NAME.
# A folder with a script NAME.ld is linked by that. init goes into the kernel as a flat image.

PROGRAM_KINDS := programs services drivers personality
# $(call folder-sources,NAME), $(call folder-script,NAME) and $(call file-program,FILE): from a program to its sources and its
# linker script, from a file to its program.
folder-sources = $(foreach kind,$(PROGRAM_KINDS),$(wildcard $(kind)/$1/*.c $(kind)/$1/*.S)) \
    $(if $(filter linux,$1),$(GENERATED)/linux/calls.c)
folder-script = $(or $(strip $(foreach kind,$(PROGRAM_KINDS),$(wildcard $(kind)/$1/$1.ld))),$(LIBRARY_SCRIPT))
file-program = $(patsubst system-%,test-%,$(subst /,-,$(patsubst tests/%.c,%,$1)))

FOLDER_PROGRAMS := $(filter-out init,$(notdir $(patsubst %/,%,$(wildcard $(addsuffix /*/,$(PROGRAM_KINDS))))))
FILE_SOURCES := $(wildcard tests/abuse/*.c tests/system/*.c)
PROGRAMS := $(foreach name,$(FOLDER_PROGRAMS),$(if $(call folder-sources,$(name)),$(name))) \
    $(foreach file,$(FILE_SOURCES),$(call file-program,$(file)))

NATIVE_SOURCES := $(LIBRARY_SOURCES) $(FILE_SOURCES) \
    $(foreach name,init $(FOLDER_PROGRAMS),$(call folder-sources,$(name)))
NATIVE_OBJECTS := $(call objects,$(NATIVE_SOURCES))

# The calls of Linux, from their list.
LINUX_CALLS := $(GENERATED)/linux/calls.h $(GENERATED)/linux/calls.c $(GENERATED)/linux/numbers.h
$(LINUX_CALLS): tools/linux_calls.py personality/linux/calls.list
	$(PYTHON) tools/linux_calls.py --out $(GENERATED)/linux personality/linux/calls.list
	@touch $(LINUX_CALLS)

# Linux's vDSO, which the personality carries: the same of each build. It must fit into a page.
VDSO := $(GENERATED)/linux/vdso.so
VDSO_FLAGS := -std=gnu11 -O2 -fPIC -ffreestanding -fno-stack-protector -fasynchronous-unwind-tables \
    $(WARNINGS) -march=rv64gc -mabi=lp64d -shared -nostdlib -s \
    -Wl,-soname=linux-vdso.so.1,--hash-style=both,--build-id=none,--eh-frame-hdr,-z,noexecstack,-z,norelro,-Bsymbolic
VDSO_SOURCES := $(addprefix personality/linux/vdso/,functions.c signal_return.S)
$(VDSO): $(VDSO_SOURCES) personality/linux/vdso/vdso.ld personality/linux/vdso/data.h programs/programs.mk
	@mkdir -p $(@D)
	$(CC) $(VDSO_FLAGS) -T personality/linux/vdso/vdso.ld $(VDSO_SOURCES) -o $@
	test $$(wc -c <$@) -le 4096
$(OUT)/objects/personality/linux/vdso_image.S.o: $(VDSO)

$(NATIVE_OBJECTS): $(OUT)/objects/%.o: % Makefile lib/lib.mk programs/programs.mk | $(INTERFACES_STAMP) $(LINUX_CALLS)
	@mkdir -p $(@D)
	$(CC) $(NATIVE_CFLAGS) -c $< -o $@

# The device manager reads the device tree by libfdt, as the kernel does, with the kernel's headers for it.
DEVICES_INCLUDES := -isystem kernel/include-libfdt -isystem $(FDT)
NATIVE_FDT_OBJECTS := $(patsubst %,$(OUT)/objects/native/%.o,$(FDT_SOURCES))
DEVICES_OBJECTS := $(call objects,$(call folder-sources,devices))
$(NATIVE_FDT_OBJECTS): $(OUT)/objects/native/%.o: % Makefile programs/programs.mk
	@mkdir -p $(@D)
	$(CC) $(filter-out $(WARNINGS),$(NATIVE_CFLAGS)) $(DEVICES_INCLUDES) -c $< -o $@
$(DEVICES_OBJECTS): | $(FDT_STAMP)
$(DEVICES_OBJECTS): private NATIVE_CFLAGS += $(DEVICES_INCLUDES)
$(OUT)/programs/devices: $(NATIVE_FDT_OBJECTS)

# $(call link,NAME,OBJECTS,SCRIPT)
define link
$(OUT)/programs/$1: $2 $(LIBRARY_OBJECTS) $3
	@mkdir -p $$(@D)
	$(CC) $(NATIVE_CFLAGS) $(TARGET_LDFLAGS) -T $3 $$(filter %.o,$$^) -lgcc -o $$@

endef
$(eval $(foreach name,$(FOLDER_PROGRAMS),\
    $(call link,$(name),$(call objects,$(call folder-sources,$(name))),$(call folder-script,$(name)))))
$(eval $(foreach file,$(FILE_SOURCES),\
    $(call link,$(call file-program,$(file)),$(call objects,$(file)),$(LIBRARY_SCRIPT))))
$(eval $(call link,init,$(call objects,$(call folder-sources,init)),$(call folder-script,init)))

# It lies in the kernel's image, which is to stay small.
$(call objects,$(call folder-sources,init)): private NATIVE_CFLAGS += -Os

$(OUT)/init.bin: $(OUT)/programs/init
	$(OBJCOPY) -O binary $< $@

# The archive carries the programs without their debug information.
STRIPPED := $(patsubst %,$(OUT)/stripped/%,$(PROGRAMS))
$(STRIPPED): $(OUT)/stripped/%: $(OUT)/programs/%
	@mkdir -p $(@D)
	$(OBJCOPY) --strip-all $< $@

# A small tree for the tests of the file service: permissions, links, and files with less than a page and more.
TEST_ROOT := $(OUT)/test-root
$(TEST_ROOT).stamp: $(OUT)/stripped/hello programs/programs.mk
	rm -rf $(TEST_ROOT)
	mkdir -p $(TEST_ROOT)/bin $(TEST_ROOT)/etc/deep
	cp $< $(TEST_ROOT)/bin/hello
	echo Welcome >$(TEST_ROOT)/etc/motd
	ln -s motd $(TEST_ROOT)/etc/link
	ln -s loop $(TEST_ROOT)/etc/loop
	ln -s /etc/motd $(TEST_ROOT)/etc/absolute
	ln -s ../.. $(TEST_ROOT)/etc/deep/up
	chmod 751 $(TEST_ROOT)/etc
	chmod 640 $(TEST_ROOT)/etc/motd
	find $(TEST_ROOT) -exec touch -h -d @1000000000 {} +
	@touch $@

# The folders are among what it depends on, so that a program that is gone leaves the archive.
$(OUT)/boot.cpio: programs/init/boot.manifest $(STRIPPED) $(TEST_ROOT).stamp tools/archive.py \
    $(wildcard $(PROGRAM_KINDS) tests/abuse tests/system)
	$(PYTHON) tools/archive.py $@ boot.manifest=programs/init/boot.manifest \
	    $(foreach name,$(PROGRAMS),bin/$(name)=$(OUT)/stripped/$(name)) --tree test-root=$(TEST_ROOT)

# For machines with little memory, and beside another root: what is no test.
SHIPPED := $(filter-out test-% abuse-% bench stress,$(PROGRAMS))
LINUX_SHIPPED := $(SHIPPED) test-containers test-filter
$(OUT)/small.cpio: $(OUT)/boot.cpio $(OUT)/shell.manifest
	$(PYTHON) tools/archive.py $@ boot.manifest=programs/init/boot.manifest \
	    $(foreach name,$(SHIPPED),bin/$(name)=$(OUT)/stripped/$(name))

# The same with programs of Linux: Debian's (tools/packages.txt), and those of the tests, which are ordinary programs.
LINUX_FLAGS := -O2 -D_GNU_SOURCE -pthread $(WARNINGS) -Wno-conversion -Wno-stringop-overflow
LINUX_STATIC := $(patsubst tests/linux/%.c,build/linux-tests/%,$(filter-out tests/linux/isolation_%,\
    $(wildcard tests/linux/*.c)))
LINUX_MORE_FLAGS :=
$(LINUX_STATIC): build/linux-tests/%: tests/linux/%.c $(wildcard tests/linux/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(LINUX_FLAGS) -static $(LINUX_MORE_FLAGS) $(filter %.c,$^) -o $@

# What `./winkle bench linux` runs.
LINUX_BENCH := build/linux-tests/linux_operations
$(LINUX_BENCH): tests/bench/linux_operations.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(LINUX_FLAGS) -static $< -o $@

# The one that attacks also invokes Winkle's operations, by the stubs of native programs.
build/linux-tests/isolation: $(wildcard tests/linux/isolation_*.c) | $(INTERFACES_STAMP)
build/linux-tests/hostile: $(GENERATED)/linux/numbers.h
build/linux-tests/hostile: private LINUX_MORE_FLAGS := -I$(GENERATED)/linux
build/linux-tests/isolation: private LINUX_MORE_FLAGS := -Ilib -Iinterfaces -I$(GENERATED)/include -Wno-unused-result \
    -Wno-array-bounds -Wno-cast-align -Wno-int-to-pointer-cast

# Programs that load libraries: Debian's C library, and one of the tests'.
LINUX_DYNAMIC := build/linux-tests/loading build/linux-tests/loaded.so
build/linux-tests/loading: tests/linux/dynamic/loading.c tests/linux/dynamic/loaded.h tests/linux/check.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(LINUX_FLAGS) -rdynamic $< -ldl -o $@
build/linux-tests/loaded.so: tests/linux/dynamic/loaded.c tests/linux/dynamic/loaded.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(LINUX_FLAGS) -shared -fPIC $< -o $@

# Scripts of the tests; what they read; and a script that autoconf makes.
LINUX_SCRIPTS := $(patsubst tests/linux/%,build/linux-tests/%,$(filter-out %/cases.txt,$(wildcard $(addprefix tests/linux/*.,sh py lua sql txt))))
$(LINUX_SCRIPTS): build/linux-tests/%: tests/linux/%
	@mkdir -p $(@D)
	cp $< $@

# What needs more than `./winkle run` does: C++, the C library musl, autoconf. `make linux-image LINUX_MORE=yes` has it.
LINUX_MORE :=
MUSL := build/packages/musl/usr
LINUX_MUSL := $(addprefix build/linux-tests/musl-,files processes threads)
LINUX_ALL := $(LINUX_STATIC) $(LINUX_BENCH) $(LINUX_DYNAMIC) $(LINUX_SCRIPTS) $(if $(LINUX_MORE),$(LINUX_MUSL) \
    $(addprefix build/linux-tests/,cxx-static cxx-dynamic configure))
build/linux-tests/cxx-static build/linux-tests/cxx-dynamic: tests/linux/cxx.cpp
	@mkdir -p $(@D)
	$(CC:gcc=g++) -std=c++17 -O2 -pthread -Wall -Wextra -Wpedantic -Werror $(if $(filter %-static,$@),-static,-fPIC) $< -o $@
# Its objects say what they are made for in words that older linkers do not know.
build/musl.a: tools/packages.py tools/packages.txt
	$(PYTHON) tools/packages.py fetch musl >/dev/null
	$(OBJCOPY) --remove-section .riscv.attributes $(MUSL)/lib/riscv64-linux-musl/libc.a $@
$(LINUX_MUSL): build/linux-tests/musl-%: tests/linux/%.c tests/linux/musl/start.c tests/linux/check.h build/musl.a
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(LINUX_FLAGS) -Wno-builtin-declaration-mismatch -nostdinc -isystem $(MUSL)/include/riscv64-linux-musl \
	    -isystem "$$($(CC) -print-file-name=include)" -static -nostdlib tests/linux/musl/start.c $< build/musl.a -lgcc -o $@
build/linux-tests/configure: tests/linux/configure.ac
	@mkdir -p $(@D)
	cd build && autoconf --output=linux-tests/configure ../$< && rm -rf autom4te.cache

build/root.stamp: tools/root_tree.py tools/packages.py tools/packages.txt
	$(PYTHON) tools/root_tree.py
	@touch $@

# There the shell starts instead of the native programs.
$(OUT)/shell.manifest: programs/init/boot.manifest programs/init/shell.manifest
	sed '/^    start$$/d' $< | cat - $(word 2,$^) >$@

.PHONY: linux-image
linux-image: image $(OUT)/linux.cpio
$(OUT)/linux.cpio: $(OUT)/boot.cpio $(OUT)/shell.manifest build/root.stamp $(LINUX_ALL)
	$(PYTHON) tools/archive.py $@ boot.manifest=$(OUT)/shell.manifest \
	    $(foreach name,$(LINUX_SHIPPED),bin/$(name)=$(OUT)/stripped/$(name)) --tree root=build/root --tree root/tests=build/linux-tests

-include $(NATIVE_OBJECTS:.o=.d)
