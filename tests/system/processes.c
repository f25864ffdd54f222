/* SPDX-License-Identifier: MIT */
/* Processes: their ends, being suspended and killed, the capabilities put into them. */
#include "actors.h"

#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define MILLISECOND UINT64_C(1000000)

struct state {
    enum wk_process_state state;
    enum wk_end_reason reason;
    uint64_t detail, counter, threads, capabilities;
};

static struct state state_of(wk_handle process)
{
    struct state state;

    EXPECT(WK_OK, wk_process_info(process, &state.state, &state.reason, &state.detail, &state.counter, &state.threads,
                                  &state.capabilities));
    return state;
}

static void pause_for(uint64_t ns)
{
    wk_handle event;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(ns), &bits));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* Counts in shared memory for ever. */
__attribute__((noreturn)) static void play_count(void)
{
    void *address;

    EXPECT(WK_OK, wk_map(wk_named_handle("memory"), 0, 1, WK_READ_WRITE, &address));
    for (;;)
        ++*(volatile uint64_t *)address;
}

static int play_grandparent(void)
{
    struct actor actor;

    actor_prepare(&actor, 150);
    actor_lend(&actor, "memory", wk_named_handle("memory"), WK_RIGHTS_ALL);
    actor_lend_archive(&actor);
    actor_play(&actor, "count");
    actor_end(&actor);
    return 0;
}

static void exits(void)
{
    for (uint64_t status = 0; status < 300; status += 99) {
        struct actor actor;
        char text[8];

        wk_print_text(text, sizeof(text), "%lu", status);
        actor_prepare(&actor, ACTOR_BANK_PAGES);
        actor_start(&actor, 3, (const char *const[]){"crash", "exit", text});
        actor_end_well(&actor, status);
    }
}

/* The counter in shared memory moves while the process runs, and only then. On an emulator another hart may get its turn
 * late. */
static bool moves(const volatile uint64_t *counter)
{
    const uint64_t before = *counter;

    for (int patience = 0; *counter == before && patience < 500; patience++)
        pause_for(20 * MILLISECOND);
    return *counter != before;
}

static bool stands_still(const volatile uint64_t *counter)
{
    const uint64_t before = *counter;

    pause_for(20 * MILLISECOND);
    return *counter == before;
}

static void start_counting(struct actor *actor, const char *part, wk_handle memory, const volatile uint64_t *counter)
{
    actor_prepare(actor, 1024);
    actor_lend(actor, "memory", memory, WK_RIGHTS_ALL);
    actor_lend_archive(actor);
    actor_play(actor, part);
    for (int patience = 0; *counter == 0 && patience < 1000; patience++)
        pause_for(5 * MILLISECOND);
    CHECK(moves(counter));
}

static void suspended_and_killed(void)
{
    struct actor actor;
    struct wk_end end;
    wk_handle memory;
    void *address;

    EXPECT(WK_OK, wk_map_new(1, 0, &memory, &address));
    start_counting(&actor, "count", memory, address);
    EQUAL(WK_PROCESS_STATE_RUNNING, state_of(actor.child.process).state);
    for (int turn = 0; turn < 5; turn++) {
        EXPECT(WK_OK, wk_process_suspend(actor.child.process));
        EQUAL(WK_PROCESS_STATE_SUSPENDED, state_of(actor.child.process).state);
        CHECK(stands_still(address));
        EXPECT(WK_OK, wk_process_resume(actor.child.process));
        CHECK(moves(address));
    }
    EXPECT(WK_OK, wk_process_kill(actor.child.process, 42));
    CHECK(stands_still(address));
    EQUAL(WK_PROCESS_STATE_ENDED, state_of(actor.child.process).state);
    EQUAL(0, state_of(actor.child.process).threads);
    EQUAL(0, state_of(actor.child.process).capabilities);
    EXPECT(WK_REVOKED, wk_process_kill(actor.child.process, 43));
    EXPECT(WK_REVOKED, wk_process_suspend(actor.child.process));
    end = actor_end(&actor);
    EQUAL(42, end.detail);
    wk_unmap_delete(memory, address, 1);
}

/* A process whose bank goes ends with it, and so does what it had started. */
static void ends_with_its_bank(void)
{
    struct actor actor;
    wk_handle memory;
    void *address;

    EXPECT(WK_OK, wk_map_new(1, 0, &memory, &address));
    start_counting(&actor, "grandparent", memory, address);
    EXPECT(WK_OK, wk_bank_destroy(actor.bank));
    CHECK(stands_still(address));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(actor.child.process));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(actor.child.thread));
    EXPECT(WK_OK, wk_capability_delete(actor.event));
    wk_unmap_delete(memory, address, 1);
}

/* A process goes with its last capability. */
static void ends_with_its_capability(void)
{
    struct actor actor;
    wk_handle memory;
    void *address;

    EXPECT(WK_OK, wk_map_new(1, 0, &memory, &address));
    start_counting(&actor, "count", memory, address);
    EXPECT(WK_OK, wk_capability_delete(actor.child.process));
    CHECK(stands_still(address));
    EXPECT(WK_OK, wk_bank_destroy(actor.bank));
    EXPECT(WK_OK, wk_capability_delete(actor.event));
    wk_unmap_delete(memory, address, 1);
}

static void cloned_table(void)
{
    wk_handle process, memory, there;
    struct state state;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &process));
    EQUAL(WK_PROCESS_STATE_CREATED, state_of(process).state);
    EXPECT(WK_OK, wk_process_clone_table(process));
    state = state_of(process);
    /* All but this process and its thread, and the new process is there too. */
    EQUAL(state_of(wk_self.process).capabilities - 2, state.capabilities);
    EXPECT(WK_BUSY, wk_process_clone_table(process));
    EXPECT(WK_OK, wk_capability_delete(process));

    EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &process));
    EXPECT(WK_OK, wk_process_grant(process, memory, WK_TRANSFER_DUP, WK_RIGHTS_ALL, &there));
    EXPECT(WK_BUSY, wk_process_clone_table(process));
    EXPECT(WK_OK, wk_process_kill(process, 0));
    EXPECT(WK_REVOKED, wk_process_grant(process, memory, WK_TRANSFER_DUP, WK_RIGHTS_ALL, &there));
    EXPECT(WK_REVOKED, wk_process_clone_table(process));
    EXPECT(WK_OK, wk_capability_delete(process));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

/* Their ends are reported on the console, each on a line of its own: the list of cases says how. */
static void ends_that_nobody_listens_for(void)
{
    wk_handle process[4], thread[4], event;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    for (unsigned i = 0; i < 4; i++) {
        EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &process[i]));
        EXPECT(WK_OK, wk_thread_create(process[i], 50, &thread[i]));
        EXPECT(WK_OK, wk_thread_set_budget(thread[i], wk_budget_in_turn()));
    }
    for (unsigned i = 0; i < 4; i++)
        EXPECT(WK_OK, wk_thread_start(thread[i], 0x123000 + i * 16, 0, 0, 0, 0));
    for (unsigned i = 0; i < 4; i++) {
        while (state_of(process[i]).state != WK_PROCESS_STATE_ENDED)
            EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(1000000), &bits));
        EQUAL(WK_END_REASON_FETCH_FAULT, state_of(process[i]).reason);
        EXPECT(WK_OK, wk_capability_delete(process[i]));
        wk_capability_delete(thread[i]);
    }
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "count"))
        play_count();
    if (plays(argc, argv, "grandparent"))
        return play_grandparent();
    exits();
    suspended_and_killed();
    ends_with_its_bank();
    ends_with_its_capability();
    cloned_table();
    ends_that_nobody_listens_for();
    wk_print("processes: good\n");
    return 0;
}
