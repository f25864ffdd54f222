/* SPDX-License-Identifier: MIT */
/* Jumps to garbage, and stacks that are none: faults of this process, whatever its registers say. */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/upcalls.h>

static volatile uint64_t fetches;

static bool on_fault(struct wk_frame *frame)
{
    if (frame->cause != WK_UPCALL_CAUSE_FETCH_FAULT)
        return false;
    fetches++;
    frame->pc = frame->x[1];
    return true;
}

static const struct wk_upcall_handlers handlers = {.fault = on_fault};

static void jump(uint64_t address)
{
    const uint64_t before = fetches;

    __asm__ volatile("jalr ra, 0(%0)" : : "r"(address) : "ra", "memory");
    EQUAL(before + 1, fetches);
}

/* An invocation with a stack pointer, thread pointer and global pointer that lead into the kernel: it has no use for
 * them. */
static void invoke_without_stack(uint64_t pointer)
{
    register uint64_t a0 __asm__("a0") = wk_self.process;
    register uint64_t a7 __asm__("a7") = WK_CAPABILITY_CHECK;

    __asm__ volatile("mv s2, sp\n\tmv s3, tp\n\tmv s4, gp\n\tmv sp, %2\n\tmv tp, %2\n\tmv gp, %2\n\tecall\n\t"
                     "mv sp, s2\n\tmv tp, s3\n\tmv gp, s4"
                     : "+r"(a0), "+r"(a7)
                     : "r"(pointer)
                     : "s2", "s3", "s4", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a1", "a2", "a3", "a4", "a5", "a6",
                       "memory");
    EQUAL(WK_OK, a0);
}

int main(void)
{
    static const uint64_t addresses[] = {0,
                                         2,
                                         0xdead000,
                                         UINT64_C(0xfffffffffffec000),
                                         UINT64_C(0xffffffc000000000),
                                         UINT64_C(0x4000000000),
                                         UINT64_C(0x0000800000000000),
                                         UINT64_MAX - 1};
    static uint32_t data = INT32_C(0x00008067);
    uint32_t on_stack = 0x00008067;

    EXPECT(WK_OK, wk_upcalls_open(&handlers));
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        jump(addresses[i]);
        invoke_without_stack(addresses[i]);
    }
    jump((uint64_t)&data);
    jump((uint64_t)&on_stack);
    return 0;
}
