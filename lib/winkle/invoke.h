/* SPDX-License-Identifier: MIT */
/*
 * The one way out of a process: an invocation by trap. The stubs in <winkle/NAME.h>, which are generated from
 * interfaces/, give it types; programs use those.
 *
 * Registers in:  a7 operation, a0 handle, a1 to a6 argument words.
 * Registers out: a0 status, a1 to a6 result words; a7 and t0 to t6 are lost; all others are kept.
 */
#ifndef WINKLE_INVOKE_H
#define WINKLE_INVOKE_H

#include <winkle/abi.h>

#ifdef __riscv

/* Invokes a capability with six words and puts the answer's six words in their place. Words that an operation does not
 * use are 0, so that nothing of the invoker's registers reaches a service. Inlined, `words` never exists in memory. */
static inline enum wk_status wk_trap(uint64_t operation, wk_handle handle, uint64_t words[static 6])
{
    register uint64_t a0 __asm__("a0") = handle;
    register uint64_t a1 __asm__("a1") = words[0];
    register uint64_t a2 __asm__("a2") = words[1];
    register uint64_t a3 __asm__("a3") = words[2];
    register uint64_t a4 __asm__("a4") = words[3];
    register uint64_t a5 __asm__("a5") = words[4];
    register uint64_t a6 __asm__("a6") = words[5];
    register uint64_t a7 __asm__("a7") = operation;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                     :
                     : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    words[0] = a1;
    words[1] = a2;
    words[2] = a3;
    words[3] = a4;
    words[4] = a5;
    words[5] = a6;
    return (enum wk_status)a0;
}

#else

/* On a host there is no kernel to trap into: the test that uses the stubs says what an invocation does. */
enum wk_status wk_trap(uint64_t operation, wk_handle handle, uint64_t words[static 6]);

#endif

#endif
