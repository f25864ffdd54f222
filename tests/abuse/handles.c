/* SPDX-License-Identifier: MIT */
/* Forged and stale handles: whatever number is tried, it names nothing but what this process was given. */
#include "../system/check.h"

#include <winkle/calls.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/process.h>

#define INDEX_BITS 18
#define GENERATION_BITS 26

static uint64_t capabilities(void)
{
    enum wk_process_state state;
    enum wk_end_reason reason;
    uint64_t detail, counter, threads, count;

    EXPECT(WK_OK, wk_process_info(wk_self.process, &state, &reason, &detail, &counter, &threads, &count));
    return count;
}

static uint64_t random_number(void)
{
    static uint64_t random = 88172645463325252;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
}

/* Every index in the first generations: as many answer as there are capabilities. */
static void scan(void)
{
    uint64_t found = 0;

    for (uint64_t generation = 0; generation < 4; generation++) {
        for (uint64_t index = 0; index < 2048; index++)
            found += wk_capability_check(generation << INDEX_BITS | index) == WK_OK;
    }
    EQUAL(capabilities(), found);
}

static void guess(void)
{
    for (int i = 0; i < 20000; i++) {
        const uint64_t number = random_number();

        EXPECT(WK_BAD_HANDLE, wk_capability_check(number | UINT64_C(1) << (INDEX_BITS + GENERATION_BITS + i % 20)));
        EXPECT(WK_BAD_HANDLE, wk_capability_check((number % 60 + 4) << INDEX_BITS | number >> 40));
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        if ((wk_self.process ^ UINT64_C(1) << bit) >> INDEX_BITS != wk_self.process >> INDEX_BITS)
            EXPECT(WK_BAD_HANDLE, wk_capability_check(wk_self.process ^ UINT64_C(1) << bit));
    }
}

/* Every operation on a stale handle, and with stale handles for arguments. */
static void use_stale(void)
{
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_capability_delete(event));
    for (uint64_t operation = WK_OPERATION_FIRST; operation <= WK_OPERATION_LAST; operation++) {
        uint64_t words[6] = {event, event, event, event, event, event};

        EXPECT(WK_BAD_HANDLE, wk_trap(operation, event, words));
    }
    EXPECT(WK_BAD_HANDLE, wk_process_grant(wk_self.process, event, WK_TRANSFER_DUP, WK_RIGHTS_ALL, &event));
}

/* By a thread that has neither called nor received before. */
static void call_nobody(void)
{
    uint64_t words[6] = {0};
    struct wk_message message;

    for (wk_handle handle = 0; handle != 2; handle++) {
        EXPECT(WK_BAD_HANDLE, wk_call(handle, 0x2000, words, WK_NO_DEADLINE));
        EXPECT(WK_BAD_HANDLE, wk_reply_receive(handle, &(struct wk_answer){.status = WK_OK}, &message, WK_NO_DEADLINE));
        EXPECT(WK_BAD_HANDLE, wk_call(~handle, 0xffff, words, WK_NO_DEADLINE));
    }
}

int main(void)
{
    call_nobody();
    scan();
    guess();
    use_stale();
    return 0;
}
