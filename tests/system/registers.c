/* SPDX-License-Identifier: MIT */
/*
 * What the kernel leaves in registers: processes that call each other, wait, sleep, fault and are interrupted beside
 * each other have all their registers full of a number of their own, and look for those of others after each return
 * from the kernel.
 */
#include "actors.h"

#include <winkle/message.h>
#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define CLIENTS 3
#define ROUNDS 60
#define SPINS 20000
#define USE 0x2000
#define PATIENCE_NS 200000
#define MARK_SHIFT 16
#define MARK UINT64_C(0x5ec2e75ec2e7) /* in the upper bits; whose it is stands in the lower */

enum way { WAY_INVOKE, WAY_SPIN, WAY_STORE };

/* Registers for the way into the kernel, and what was in all of them after it. Offsets are known to the assembly. */
struct crossing {
    uint64_t in[9]; /* t0, a0 to a7 */
    uint64_t way;   /* enum way; spins a1 times, or stores at a1 */
    uint64_t mark;
    uint64_t x[32]; /* but x0 to x4 */
    uint64_t f[32];
};
_Static_assert(offsetof(struct crossing, x) == 88 && offsetof(struct crossing, f) == 344, "see cross");

/* Fills every register, goes into the kernel, and says what came back. */
void cross(struct crossing *crossing);
__asm__(
    ".text\n"
    "cross:\n"
    "    addi sp, sp, -112\n"
    "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
    "    sd s\\n, 8 * \\n(sp)\n"
    "    .endr\n"
    "    sd ra, 96(sp)\n"
    "    mv s0, a0\n"
    "    ld t6, 80(s0)\n"
    "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, "
    "28, 29, 30, 31\n"
    "    fmv.d.x f\\n, t6\n"
    "    .endr\n"
    "    .irp r, ra, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t1, t2, t3, t4, t5\n"
    "    mv \\r, t6\n"
    "    .endr\n"
    "    ld t0, 0(s0)\n"
    "    .irp n, 1, 2, 3, 4, 5, 6, 7\n"
    "    ld a\\n, 8 + 8 * \\n(s0)\n"
    "    .endr\n"
    "    ld a0, 72(s0)\n"
    "    beqz a0, 1f\n"
    "    li t0, 1\n"
    "    beq a0, t0, 2f\n"
    "    sd t6, (a1)\n"
    "    j 3f\n"
    "1:  ld t0, 0(s0)\n"
    "    ld a0, 8(s0)\n"
    "    ecall\n"
    "    j 3f\n"
    "2:  addi a1, a1, -1\n"
    "    bnez a1, 2b\n"
    "3:\n"
    "    .irp n, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, "
    "31\n"
    "    sd x\\n, 88 + 8 * \\n(s0)\n"
    "    .endr\n"
    "    sd ra, 88 + 8(s0)\n"
    "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, "
    "28, 29, 30, 31\n"
    "    fsd f\\n, 344 + 8 * \\n(s0)\n"
    "    .endr\n"
    "    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
    "    ld s\\n, 8 * \\n(sp)\n"
    "    .endr\n"
    "    ld ra, 96(sp)\n"
    "    addi sp, sp, 112\n"
    "    ret\n");

static uint64_t mark;

static void look_at(const char *where, const char *kind, const uint64_t values[32])
{
    for (unsigned i = 0; i < 32; i++) {
        if (values[i] >> MARK_SHIFT == MARK && values[i] != mark) {
            wk_print("after %s: %s%u has a value of process %lu\n", where, kind, i, values[i] & 0xffff);
            wk_exit(2);
        }
    }
}

static void cross_and_look(const char *where, struct crossing *crossing)
{
    crossing->mark = mark;
    cross(crossing);
    look_at(where, "x", crossing->x);
    look_at(where, "f", crossing->f);
}

static enum wk_status invoke(const char *where, uint64_t operation, wk_handle handle, uint64_t word0, uint64_t word1)
{
    struct crossing crossing = {.in = {0, handle, word0, word1, [8] = operation}};

    cross_and_look(where, &crossing);
    return (enum wk_status)WK_RECEIVED_STATUS(crossing.x[10]);
}

__attribute__((noreturn)) static void serve(void)
{
    const wk_handle endpoint = wk_named_handle("endpoint");

    mark = MARK << MARK_SHIFT;
    EXPECT(WK_OK, wk_thread_set_budget(wk_self.start->thread, 0));
    for (;;)
        EXPECT(WK_OK, invoke("a message", WK_ENDPOINT_REPLY_RECEIVE, endpoint, 0, 0));
}

/* The first two signal each other in turn, and wait, each with an event of its own: every signal finds who waits. */
static void take_turn(uint64_t number, uint64_t round)
{
    const wk_handle own = wk_named_handle(number == 0 ? "turn0" : "turn1");
    const wk_handle other = wk_named_handle(number == 0 ? "turn1" : "turn0");
    struct crossing turn = {.in = {0, own, other, 1, 1, WK_FOREVER, [8] = WK_EVENT_SIGNAL_WAIT | WK_MESSAGE_QUICK}};
    uint64_t bits;

    if (number == 1 && round == 0)
        EXPECT(WK_OK, wk_event_wait(own, 1, WK_FOREVER, &bits));
    else
        cross_and_look("a turn", &turn);
}

/* One way into the kernel after another; the event is everybody's, so that they wait for each other, though not for ever. */
static int be_client(uint64_t number)
{
    const wk_handle session = wk_named_handle("session"), event = wk_named_handle("event");
    struct crossing spin = {.in = {[2] = SPINS}, .way = WAY_SPIN};
    struct crossing store = {.way = WAY_STORE};
    wk_handle memory;
    void *pages;

    mark = MARK << MARK_SHIFT | number;
    EXPECT(WK_OK, wk_map_new(ROUNDS, WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &pages));
    for (uint64_t i = 0; i < ROUNDS; i++) {
        if (number <= 1)
            take_turn(number, i);
        EXPECT(WK_OK, invoke("a call", USE, session, 0, 0));
        EXPECT(WK_OK,
               invoke("a signal", WK_EVENT_SIGNAL | WK_MESSAGE_QUICK, event, UINT64_C(1) << (number + 1) % CLIENTS, 0));
        invoke("a wait", WK_EVENT_WAIT, event, UINT64_C(1) << number, wk_after_ns(PATIENCE_NS));
        EXPECT(WK_OK, invoke("sleep", WK_THREAD_SLEEP, wk_self.start->thread, wk_after_ns(1000 * (i % 50)), 0));
        EXPECT(WK_OK, invoke("yielding", WK_THREAD_YIELD | WK_MESSAGE_QUICK, wk_self.start->thread, 0, 0));
        cross_and_look("an interrupt", &spin);
        store.in[2] = (uint64_t)pages + i * WK_PAGE_BYTES;
        cross_and_look("a page fault", &store);
    }
    if (number == 1)
        EXPECT(WK_OK, wk_event_signal(wk_named_handle("turn0"), 1));
    return 0;
}

static void play(unsigned harts)
{
    struct actor server, clients[CLIENTS];
    wk_handle endpoint, session, event, turns[2];

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 0, 0, &session));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_event_create(wk_self.bank, &turns[i]));
    actor_prepare(&server, ACTOR_BANK_PAGES);
    actor_lend(&server, "endpoint", endpoint, WK_ENDPOINT_RIGHT_SERVE);
    actor_play(&server, "serve");
    for (unsigned i = 0; i < CLIENTS; i++) {
        actor_prepare(&clients[i], ACTOR_BANK_PAGES);
        clients[i].budget = wk_hart_budget(i % harts);
        actor_lend(&clients[i], "session", session, WK_SESSION_RIGHT_CALL);
        actor_lend(&clients[i], "event", event, WK_RIGHTS_ALL);
        actor_lend(&clients[i], "turn0", turns[0], WK_RIGHTS_ALL);
        actor_lend(&clients[i], "turn1", turns[1], WK_RIGHTS_ALL);
        actor_start(&clients[i], 2, (const char *const[]){"test-registers", (const char *const[]){"0", "1", "2"}[i]});
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        actor_end_well(&clients[i], 0);
    wk_process_kill(server.child.process, 0);
    actor_end_well(&server, 0);
    EXPECT(WK_OK, wk_capability_delete(endpoint));
    EXPECT(WK_OK, wk_capability_delete(event));
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_capability_delete(turns[i]));
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "serve"))
        serve();
    if (argc > 1)
        return be_client((uint64_t)argv[1][0] - '0');
    for (unsigned harts = 1; harts <= wk_hart_count(); harts++)
        play(harts);
    wk_print("registers: good\n");
    return 0;
}
