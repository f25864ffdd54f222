# SPDX-License-Identifier: MIT
# The libraries of native programs. Each program is linked with all their objects; the linker drops what it doesn't use.

NATIVE_CFLAGS = $(TARGET_CFLAGS) -Ilib -march=rv64gc -mabi=lp64d

LIBRARY_SOURCES := $(wildcard lib/*/*.c lib/*/*.S)
LIBRARY_OBJECTS := $(call objects,$(LIBRARY_SOURCES))
LIBRARY_SCRIPT := lib/winkle/program.ld
