/* SPDX-License-Identifier: MIT */
/*
 * Faults that another process answers: a pager maps pages on demand, a debugger steps over breakpoints and changes
 * registers, an emulator answers foreign calls; and what happens when one of the two sides ends in the midst of it.
 */
#include "actors.h"

#include <winkle/endpoint.h>
#include <winkle/faults.h>
#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define PRIORITY 110
#define BADGE 5

/* Where the pager's pages belong. */
#define AREA UINT64_C(0x2000000000)
#define AREA_PAGES 64
#define TOUCHERS 4
#define STEPS 200

/* The server: a thread of this process, at an endpoint that all cases have in common. */
static struct wk_service service;
static wk_handle session;
static struct actor faulter;
static volatile uint64_t served;

static void be_told(struct actor *actor)
{
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor->fault_session = session;
}

/* Whoever faults may do so before its launcher knows its process: so it waits for this. */
static void start_told(struct actor *actor, const char *part)
{
    static wk_handle begin;

    if (begin == 0)
        EXPECT(WK_OK, wk_event_create(wk_self.bank, &begin));
    actor_lend(actor, "begin", begin, WK_RIGHTS_ALL);
    actor_play(actor, part);
    EXPECT(WK_OK, wk_event_signal(begin, 1));
}

static void await_begin(void)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(wk_named_handle("begin"), 1, WK_FOREVER, &bits));
}

/* ---- a pager ---- */

static wk_handle paged_memory;

/* Every page is the one of its place in `paged_memory`. Beyond the area nothing is answered. */
static void page(struct wk_service *self, const struct wk_message *message, struct wk_answer *answer)
{
    struct wk_fault fault;
    uint64_t at;
    enum wk_status status;

    (void)self;
    CHECK(wk_fault_read(message, &fault));
    EQUAL(BADGE, message->badge);
    served++;
    at = fault.detail / WK_PAGE_BYTES - AREA / WK_PAGE_BYTES;
    if (at >= AREA_PAGES || (fault.cause != WK_UPCALL_CAUSE_LOAD_FAULT && fault.cause != WK_UPCALL_CAUSE_STORE_FAULT)) {
        wk_fault_decline(answer);
        return;
    }
    status = wk_memory_map(paged_memory, faulter.child.process, AREA + at * WK_PAGE_BYTES, at, 1, WK_READ_WRITE);
    CHECK(status == WK_OK || status == WK_ALREADY_MAPPED); /* by the fault of another of its threads */
}

static volatile uint64_t *word_of(uint64_t number)
{
    return (volatile uint64_t *)(AREA + number * WK_PAGE_BYTES + 8 * (number % 16));
}

/* Touches every page of the area; each thread begins elsewhere. */
static void touch(void *argument)
{
    const uint64_t first = (uint64_t)argument;

    for (uint64_t i = 0; i < AREA_PAGES; i++) {
        const uint64_t number = (first * 7 + i) % AREA_PAGES;

        if (first == 0)
            *word_of(number) += 1;
        else
            CHECK(*word_of(number) >= number);
    }
}

static int play_toucher(void)
{
    struct wk_thread threads[TOUCHERS];

    await_begin();
    for (uint64_t i = 0; i < TOUCHERS; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], touch, (void *)i, STACK_PAGES, 50));
    for (unsigned i = 0; i < TOUCHERS; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
    for (uint64_t i = 0; i < AREA_PAGES; i++)
        EQUAL(i + 1, *word_of(i));
    *(volatile uint64_t *)(AREA - 8); /* beyond its lower end */
    return 1;
}

static void a_pager_maps_pages_on_demand(void)
{
    volatile uint64_t *words;
    struct wk_end end;
    void *address;

    EXPECT(WK_OK, wk_map_new(AREA_PAGES, 0, &paged_memory, &address));
    words = address;
    for (uint64_t i = 0; i < AREA_PAGES; i++)
        words[i * WK_PAGE_BYTES / 8 + i % 16] = i;
    service.handle = page;
    served = 0;
    be_told(&faulter);
    start_told(&faulter, "toucher");
    end = actor_end(&faulter);
    EQUAL(WK_END_REASON_LOAD_FAULT, end.reason);
    EQUAL(AREA - 8, end.detail);
    CHECK(served > AREA_PAGES && served <= AREA_PAGES * TOUCHERS + 1);
    for (uint64_t i = 0; i < AREA_PAGES; i++)
        EQUAL(i + 1, words[i * WK_PAGE_BYTES / 8 + i % 16]);
    wk_unmap_delete(paged_memory, address, AREA_PAGES);
}

/* ---- a debugger ---- */

/* All registers but a0 stay; a0, the program counter's step and the number of steps are the debugger's. */
static uint64_t step_over_breakpoints(void)
{
    uint64_t before[6] = {1, 2, 3, 4, 5, 6}, after[6], a0;
    double pi = 3.25, held;

    __asm__ volatile(".option push\n\t.option norvc\n\t"
                     "ld t0, 0(%3)\n\tld t1, 8(%3)\n\tld a1, 16(%3)\n\tld a7, 24(%3)\n\tld s3, 32(%3)\n\t"
                     "ld t6, 40(%3)\n\tfmv.d ft0, %4\n\tli a0, 7\n\tebreak\n\t"
                     "sd t0, 0(%2)\n\tsd t1, 8(%2)\n\tsd a1, 16(%2)\n\tsd a7, 24(%2)\n\tsd s3, 32(%2)\n\t"
                     "sd t6, 40(%2)\n\tfmv.d %0, ft0\n\tmv %1, a0\n\t.option pop"
                     : "=&f"(held), "=r"(a0)
                     : "r"(after), "r"(before), "f"(pi)
                     : "t0", "t1", "t6", "a0", "a1", "a7", "s3", "ft0", "memory");
    CHECK(memcmp(before, after, sizeof(before)) == 0);
    CHECK(held == pi);
    return a0;
}

static void run_into_breakpoints(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < STEPS; i++)
        EQUAL(7 + 100, step_over_breakpoints());
}

static int play_debugged(void)
{
    struct wk_thread threads[2];

    await_begin();
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], run_into_breakpoints, NULL, STACK_PAGES, 50));
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
    return 9;
}

static void debug(struct wk_service *self, const struct wk_message *message, struct wk_answer *answer)
{
    struct wk_fault fault;
    wk_handle thread;
    uint64_t x[6], type, rights, borrowed, lent, badge, identity;

    (void)self;
    CHECK(wk_fault_read(message, &fault));
    EQUAL(WK_UPCALL_CAUSE_BREAKPOINT, fault.cause);
    EQUAL(WK_END_REASON_BREAKPOINT, fault.reason);
    EQUAL(fault.pc, fault.detail);
    EXPECT(WK_OK, wk_process_faulting_thread(faulter.child.process, &thread));
    EXPECT(WK_OK, wk_capability_info(thread, &type, &rights, &borrowed, &lent, &badge, &identity));
    EQUAL(fault.thread, identity);
    EXPECT(WK_OK, wk_thread_read_registers(thread, 5, &x[0], &x[1], &x[2], &x[3], &x[4], &x[5]));
    EQUAL(1, x[0]); /* t0 */
    EQUAL(2, x[1]); /* t1 */
    EQUAL(7, x[5]); /* a0 */
    EXPECT(WK_OK, wk_thread_write_register(thread, 10, x[5] + 100));
    EXPECT(WK_OK, wk_capability_delete(thread));
    served++;
    wk_fault_go_on(answer, fault.pc + 4);
}

static void a_debugger_steps_over_breakpoints(void)
{
    service.handle = debug;
    served = 0;
    be_told(&faulter);
    start_told(&faulter, "debugged");
    actor_end_well(&faulter, 9);
    EQUAL(2 * STEPS, served);
}

/* ---- an emulator of foreign calls ---- */

static void emulate(struct wk_service *self, const struct wk_message *message, struct wk_answer *answer)
{
    struct wk_fault fault;
    wk_handle thread;

    (void)self;
    CHECK(wk_fault_read(message, &fault));
    if (fault.cause != WK_UPCALL_CAUSE_FOREIGN_CALL || fault.detail == 94) {
        wk_fault_decline(answer);
        return;
    }
    EXPECT(WK_OK, wk_process_faulting_thread(faulter.child.process, &thread));
    EXPECT(WK_OK, wk_thread_write_register(thread, 10, fault.detail + 1));
    EXPECT(WK_OK, wk_capability_delete(thread));
    wk_fault_go_on(answer, fault.pc + 4);
}

static uint64_t foreign_call(uint64_t number)
{
    register uint64_t a0 __asm__("a0") = 0;
    register uint64_t a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return a0;
}

static int play_foreigner(void)
{
    await_begin();
    for (uint64_t i = 0; i < 90; i++)
        EQUAL(i + 1, foreign_call(i));
    foreign_call(94);
    return 1;
}

static void an_emulator_answers_foreign_calls(void)
{
    struct wk_end end;

    service.handle = emulate;
    be_told(&faulter);
    start_told(&faulter, "foreigner");
    end = actor_end(&faulter);
    EQUAL(WK_END_REASON_FOREIGN_CALL, end.reason);
    EQUAL(94, end.detail);
}

/* ---- ends ---- */

static int play_breaker(void)
{
    await_begin();
    __asm__ volatile("ebreak");
    return 1;
}

static int play_bad_handler(void)
{
    struct wk_message message;

    EXPECT(WK_OK, wk_receive(wk_named_handle("endpoint"), &message, WK_NO_DEADLINE));
    EQUAL(WK_MESSAGE_KIND_FAULT, message.kind);
    return 3;
}

static void a_handler_that_dies_ends_the_process_by_its_fault(void)
{
    struct actor handler;
    struct wk_end end;
    wk_handle endpoint;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    actor_prepare(&handler, ACTOR_BANK_PAGES);
    actor_lend(&handler, "endpoint", endpoint, WK_ENDPOINT_RIGHT_SERVE);
    actor_play(&handler, "bad-handler");
    actor_prepare(&faulter, ACTOR_BANK_PAGES);
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, BADGE, 0, &faulter.fault_session));
    start_told(&faulter, "breaker");
    end = actor_end(&faulter);
    EQUAL(WK_END_REASON_BREAKPOINT, end.reason);
    EQUAL(end.detail, end.counter);
    actor_end_well(&handler, 3);
    EXPECT(WK_OK, wk_capability_delete(faulter.fault_session));
    EXPECT(WK_OK, wk_capability_delete(endpoint));
}

static void a_process_is_killed_while_its_fault_is_served(void)
{
    struct wk_message message;
    wk_handle endpoint;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    for (unsigned round = 0; round < 4; round++) {
        actor_prepare(&faulter, ACTOR_BANK_PAGES);
        EXPECT(WK_OK, wk_endpoint_mint(endpoint, BADGE, 0, &faulter.fault_session));
        start_told(&faulter, "breaker");
        if (round > 0) /* else its fault may still be queued, or to come */
            EXPECT(WK_OK, wk_receive(endpoint, &message, wk_after_ns(ACTOR_PATIENCE_NS)));
        if (round == 2)
            EXPECT(WK_OK, wk_process_suspend(faulter.child.process));
        EXPECT(WK_OK, wk_process_kill(faulter.child.process, 4));
        if (round > 0)
            EXPECT(WK_NO_CALLER, wk_reply(endpoint, &(struct wk_answer){.status = WK_OK}));
        actor_end_well(&faulter, 4);
        EXPECT(WK_OK, wk_capability_delete(faulter.fault_session));
    }
    EXPECT(WK_OK, wk_capability_delete(endpoint));
}

static int play_own_handler(void)
{
    wk_handle endpoint, own;
    struct wk_message message;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, BADGE, 0, &own));
    EXPECT(WK_OK, wk_process_set_fault_handler(wk_self.process, own));
    EXPECT(WK_TIMED_OUT, wk_receive(endpoint, &message, wk_now_ns()));
    __asm__ volatile("ebreak"); /* nobody but this thread could answer */
    return 1;
}

static void a_server_that_is_its_own_fault_handler_ends(void)
{
    struct wk_end end;

    actor_prepare(&faulter, ACTOR_BANK_PAGES);
    actor_play(&faulter, "own-handler");
    end = actor_end(&faulter);
    EQUAL(WK_END_REASON_BREAKPOINT, end.reason);
}

static void without_the_session_the_process_ends(void)
{
    struct wk_end end;

    service.handle = debug;
    actor_prepare(&faulter, ACTOR_BANK_PAGES);
    EXPECT(WK_OK, wk_capability_lend(session, WK_SESSION_RIGHT_FAULT, &faulter.fault_session));
    actor_lend(&faulter, "begin", faulter.event, WK_RIGHTS_ALL);
    actor_play(&faulter, "late-breaker");
    EXPECT(WK_OK, wk_capability_delete(faulter.fault_session)); /* takes it back from the process */
    EXPECT(WK_OK, wk_event_signal(faulter.event, 2));
    end = actor_end(&faulter);
    EQUAL(WK_END_REASON_BREAKPOINT, end.reason);
}

static int play_late_breaker(void)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(wk_named_handle("begin"), 2, WK_FOREVER, &bits));
    __asm__ volatile("ebreak");
    return 1;
}

/* ---- all of it ---- */

static const struct {
    const char *name;
    int (*play)(void);
} parts[] = {
    {"toucher", play_toucher},           {"debugged", play_debugged},       {"foreigner", play_foreigner},
    {"breaker", play_breaker},           {"bad-handler", play_bad_handler}, {"own-handler", play_own_handler},
    {"late-breaker", play_late_breaker},
};

static void serve_passively(void *argument)
{
    wk_serve_passively(argument);
}

static void serve_actively(void *argument)
{
    wk_serve(argument);
}

/* What needs a server, which runs on its callers' budgets or on its own. */
static void served_cases(void (*serve)(void *argument))
{
    struct wk_thread server;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &service.endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(service.endpoint, BADGE, 0, &session));
    EXPECT(WK_OK, wk_thread_run(&server, serve, &service, STACK_PAGES, PRIORITY));
    a_pager_maps_pages_on_demand();
    a_debugger_steps_over_breakpoints();
    an_emulator_answers_foreign_calls();
    without_the_session_the_process_ends();
    wk_thread_abandon(&server);
    EXPECT(WK_OK, wk_capability_delete(session));
    EXPECT(WK_OK, wk_capability_delete(service.endpoint));
}

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (plays(argc, argv, parts[i].name))
            return parts[i].play();
    served_cases(serve_passively);
    served_cases(serve_actively);
    a_handler_that_dies_ends_the_process_by_its_fault();
    a_process_is_killed_while_its_fault_is_served();
    a_server_that_is_its_own_fault_handler_ends();
    wk_print("faults: good\n");
    return 0;
}
