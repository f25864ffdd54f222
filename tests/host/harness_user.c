/* SPDX-License-Identifier: MIT */
/* What the acting thread does outside of invocations: accesses to memory, registers, foreign calls. */
#include "harness.h"
#include "frame.h"
#include "harness_parts.h"

#include <string.h>

/* Where the access leads; takes page faults until it succeeds or they are not the kernel's to answer. */
static bool access_page(uint64_t address, enum arch_access access, void **pointer)
{
    struct thread *thread = actor();
    const uint64_t identity = thread->object.identity;
    struct physical physical;

    for (unsigned tries = 0; tries < 16; tries++) {
        uint64_t counter;

        if (!try_make_current(thread))
            return false; /* ended by another hart, or nobody pays for it any more */
        if (host_translate(thread->hart, address, access, &physical)) {
            *pointer = frame_is_memory(physical, 1) ? arch_pointer(physical) : NULL;
            return true;
        }
        counter = thread->hart->arch.x[0];
        host_page_fault(thread->hart, access, address);
        while (object_exists(identity) && thread->operation.step != NULL)
            harness_urge(thread);
        settle();
        check_kernel();
        if (!object_exists(identity) || !thread_is_runnable(thread) || harness_registers(thread)[0] != counter)
            return false;
    }
    fail_msg("the page fault at %#lx is answered but does not go away", (unsigned long)address);
    return false;
}

/* Calls what follows page by page. */
static bool access_bytes(uint64_t address, enum arch_access access, void *to, const void *from, size_t bytes)
{
    while (bytes != 0) {
        const size_t room = WK_PAGE_BYTES - address % WK_PAGE_BYTES;
        const size_t part = bytes < room ? bytes : room;
        void *pointer;

        if (!access_page(address, access, &pointer))
            return false;
        if (to != NULL) {
            memcpy(to, pointer, part);
            to = (char *)to + part;
        } else if (from != NULL) {
            memcpy(pointer, from, part);
            from = (const char *)from + part;
        }
        address += part;
        bytes -= part;
    }
    return true;
}

bool user_load(uint64_t address, void *to, size_t bytes)
{
    return access_bytes(address, ARCH_LOAD, to, NULL, bytes);
}

bool user_store(uint64_t address, const void *from, size_t bytes)
{
    return access_bytes(address, ARCH_STORE, NULL, from, bytes);
}

bool user_fetch(uint64_t address)
{
    return access_bytes(address, ARCH_FETCH, NULL, NULL, 2);
}

uint64_t user_word(uint64_t address)
{
    uint64_t word = 0;

    assert_true(user_load(address, &word, sizeof(word)));
    return word;
}

void user_set_word(uint64_t address, uint64_t value)
{
    assert_true(user_store(address, &value, sizeof(value)));
}

uint64_t user_register(unsigned number)
{
    return harness_registers(actor())[number];
}

void user_set_register(unsigned number, uint64_t value)
{
    make_current(actor());
    actor()->hart->arch.x[number] = value;
}

void user_foreign_call(uint64_t number)
{
    make_current(actor());
    actor()->hart->arch.x[17] = number;
    host_ecall(actor()->hart);
    settle();
    check_kernel();
}
