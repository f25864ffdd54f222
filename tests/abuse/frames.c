/* SPDX-License-Identifier: MIT */
/*
 * Bad upcall frames, by a word: what a process writes into its frames, or does to their page, is its own misfortune.
 * Words that survive exit with 0; the others die.
 */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/text.h>
#include <winkle/thread.h>
#include <winkle/upcalls.h>

#define NOWHERE 0xdead000
#define KERNEL UINT64_C(0xfffffffffffec000)

static const char *word;
static volatile int handled;

static bool is(const char *wanted)
{
    return strcmp(word, wanted) == 0;
}

/* Writes over the frame, then returns by it. */
static bool on_fault(struct wk_frame *frame)
{
    if (handled++ > 3)
        wk_exit(0);
    frame->pc += 4;
    if (is("garbage-pc"))
        frame->pc = NOWHERE;
    if (is("kernel-pc"))
        frame->pc = KERNEL;
    if (is("odd-pc"))
        frame->pc |= 1;
    if (is("kernel-registers"))
        frame->x[2] = frame->x[3] = frame->x[4] = KERNEL;
    if (is("all-ones"))
        memset(frame, 0xff, sizeof(*frame));
    if (is("not-full"))
        frame->full = 0;
    if (is("no-fp"))
        frame->fp_valid = 0;
    if (is("wild-fp")) {
        frame->fp_valid = 1;
        frame->fcsr = UINT64_MAX;
        memset(frame->f, 0xff, sizeof(frame->f));
    }
    if (is("not-busy"))
        frame->busy = 0;
    if (is("unmap-page"))
        wk_process_unmap(wk_self.process, (uint64_t)frame & ~(WK_PAGE_BYTES - 1), 1);
    return true;
}

static const struct wk_upcall_handlers handlers = {.fault = on_fault};

static void fault(void)
{
    __asm__ volatile(".option push; .option norvc; sb zero, (%0); .option pop" : : "r"(NOWHERE) : "memory");
}

/* With a page of frames of its own, to which things are done before, or while, it is used. */
static void bare_frames(void)
{
    wk_handle memory, clone;
    void *address;
    struct wk_frame *frame;

    EXPECT(WK_OK, wk_map_new(2, is("on-demand") ? WK_MEMORY_OPTIONS_ON_DEMAND : 0, &memory, &address));
    frame = address;
    EXPECT(WK_OK, wk_thread_set_frames(wk_self.start->thread, memory, 1, (uint64_t)address + WK_PAGE_BYTES));
    EXPECT(WK_BAD_ARGUMENT, wk_thread_set_frames(wk_self.start->thread, memory, 2, (uint64_t)address));
    EXPECT(WK_OK, wk_thread_set_frames(wk_self.start->thread, memory, 0, (uint64_t)address));
    if (is("deleted"))
        EXPECT(WK_OK, wk_capability_delete(memory));
    if (is("decommitted"))
        EXPECT(WK_OK, wk_memory_decommit(memory, 0, 2));
    if (is("revoked"))
        EXPECT(WK_OK, wk_capability_revoke(memory));
    if (is("unmapped"))
        EXPECT(WK_OK, wk_unmap(address, 2));
    if (is("shrunk")) {
        EXPECT(WK_OK, wk_thread_set_frames(wk_self.start->thread, memory, 1, (uint64_t)address + WK_PAGE_BYTES));
        EXPECT(WK_OK, wk_memory_resize(memory, 1));
    }
    if (is("cloned")) /* not while the kernel writes there */
        EXPECT(WK_BUSY, wk_memory_clone(memory, wk_self.bank, &clone));
    if (is("busy"))
        frame->busy = ((struct wk_frame *)((uint64_t)frame + WK_FRAME_BYTES))->busy = UINT64_MAX;
    /* The handler is nowhere: what counts is that the kernel delivers or does not, and stands. */
    EXPECT(WK_OK, wk_process_set_upcall(wk_self.process, NOWHERE + 0x1000, NOWHERE + 0x2000));
    fault();
}

/* A return from a handler that was never entered, naming a frame that is none. */
static void stray_return(uint64_t frame)
{
    __asm__ volatile("mv t0, %0; li a7, 5; la t1, wk_upcall_return; jr t1" : : "r"(frame) : "t0", "t1", "a7", "memory");
}

int main(int argc, char **argv)
{
    word = argc > 1 ? argv[1] : "plain";
    if (is("deleted") || is("decommitted") || is("revoked") || is("unmapped") || is("shrunk") || is("cloned") ||
        is("busy") || is("on-demand"))
        bare_frames();
    EXPECT(WK_OK, wk_upcalls_open(&handlers));
    if (is("stray-return"))
        stray_return(NOWHERE);
    if (is("stray-kernel-return"))
        stray_return(KERNEL);
    if (is("return-unused"))
        stray_return((uint64_t)wk_upcalls_call_frame());
    for (int i = 0; i < 3; i++)
        fault();
    return 0;
}
