# SPDX-License-Identifier: MIT
# The libraries of native programs. Each program is linked with all their objects; the linker drops what it doesn't use.

# Linux's own headers of its user interface, which come with the compiler, are for the personality alone.
LINUX_HEADERS := /usr/riscv64-linux-gnu/include
NATIVE_CFLAGS = $(TARGET_CFLAGS) -Ilib -I$(GENERATED)/linux -Ipersonality/linux -march=rv64gc -mabi=lp64d \
    -idirafter $(LINUX_HEADERS)

LIBRARY_SOURCES := $(wildcard lib/*/*.c lib/*/*.S)
LIBRARY_OBJECTS := $(call objects,$(LIBRARY_SOURCES))
LIBRARY_SCRIPT := lib/winkle/program.ld
