/* SPDX-License-Identifier: MIT */
/*
 * Where what lies in a Linux process's address space. All memory that is the process's own, the program's as the
 * personality's, is one memory object on demand, the arena, in which every page lies at its own address: so a page's place in it
 * need not be kept, and fork clones one object.
 *
 *   0x0000010000    the program, and its heap above it
 *   0x1000000000    a program that can lie anywhere
 *   ...             what it maps, downwards from under the stack
 *   0x2fff880000    its stack, down from the end
 *   0x3000081000    a page of the process service, not in the arena
 *   0x3000083000    the frames of the first thread, nor are these
 *   0x3000088000    the personality: code, which all processes share, and data
 *   0x3000100000    its heap and threads
 *   0x3800000000    what the native library maps, which is not in the arena either
 *
 * What every process has from the top of the stack on lies in one page of page tables, and one of the arena's.
 */
#ifndef LINUX_LAYOUT_H
#define LINUX_LAYOUT_H

#include <winkle/abi.h>

#define PROGRAM_FIRST UINT64_C(0x10000)
#define PROGRAM_ANYWHERE UINT64_C(0x1000000000)
#define PROGRAM_END UINT64_C(0x3000080000)
#define STACK_BYTES UINT64_C(0x800000)
#define STACK_FIRST (PROGRAM_END - STACK_BYTES)
/* Where mmap begins to look, downwards; an unmapped gap below the stack. */
#define MMAP_TOP (STACK_FIRST - UINT64_C(0x100000))
#define PROCESS_PAGE UINT64_C(0x3000081000)
#define FIRST_FRAMES UINT64_C(0x3000083000)
#define HEAP_FIRST UINT64_C(0x3000100000)
#define HEAP_END UINT64_C(0x3400000000)
#define ARENA_PAGES (HEAP_END / WK_PAGE_BYTES)

#endif
