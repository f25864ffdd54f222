/* SPDX-License-Identifier: MIT */
/*
 * Raw calls of every kind: strange bits in the operation's word, capabilities that are none, answers that nobody is
 * owed, receiving where there is nothing to receive, servers that call each other in circles. All of it by threads on
 * all harts at once; every wait has a deadline, so this comes to its end by itself.
 */
#include "../system/actors.h"

#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define ENDPOINTS 4
#define ATTACKERS 4
#define ATTACKS 1000
#define STACK_PAGES 4
#define SOON_NS 100000
#define PRIORITY 60

static wk_handle endpoints[ENDPOINTS], sessions[ENDPOINTS], event;
static struct wk_service services[ENDPOINTS];

static uint64_t next(uint64_t *random, uint64_t limit)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % limit;
}

/* A handle of some kind, or what never was one. */
static wk_handle any_handle(uint64_t *random)
{
    switch (next(random, 7)) {
    case 0:
        return endpoints[next(random, ENDPOINTS)];
    case 1:
    case 2:
        return sessions[next(random, ENDPOINTS)];
    case 3:
        return event;
    case 4:
        return wk_self.bank;
    case 5:
        return *random;
    default:
        return UINT64_C(0x155555) << 18 | next(random, 200);
    }
}

static void attack(uint64_t *random)
{
    static const uint64_t operations[] = {
        0x2000,        0xffff,          WK_ENDPOINT_RECEIVE, WK_ENDPOINT_REPLY_RECEIVE, WK_ENDPOINT_REPLY,
        WK_REPLY_SEND, WK_EVENT_SIGNAL, WK_ENDPOINT_ACCEPT,
    };
    const uint64_t bits = (*random << 7 ^ *random >> 29) & UINT64_C(0xffffffff0000);
    struct wk_registers registers = {
        .a0 = any_handle(random),
        .a7 = operations[next(random, sizeof(operations) / sizeof(operations[0]))] | WK_MESSAGE_DEADLINE,
        .t0 = wk_after_ns(next(random, SOON_NS)),
    };

    for (unsigned i = 0; i < 6; i++)
        registers.words[i] = any_handle(random);
    switch (next(random, 3)) {
    case 0:
        registers.a7 |= bits;
        break;
    case 1:
        registers.a7 |= bits & (WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_CAPABILITY(3) | WK_MESSAGE_GIVE(3));
        break;
    default:
        registers.a7 |= bits << 32 | UINT64_C(0xffff) << 32;
        break;
    }
    wk_trap_registers(&registers);
}

/* Answers, after a call to another server, or to itself. */
static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    uint64_t random = message->badge ^ message->words[0], words[6] = {0};

    (void)service;
    answer->words[0] =
        wk_call(sessions[next(&random, ENDPOINTS)], 0x2001 + message->operation % 7, words, wk_after_ns(SOON_NS));
    answer->capabilities = next(&random, 3) == 0 ? WK_MESSAGE_CAPABILITY(1) | WK_MESSAGE_GIVE(2) : 0;
    answer->words[1] = any_handle(&random);
}

static void serve(void *service)
{
    wk_serve_passively(service);
}

/* Serves with a budget of its own, and saves answers that it gives twice, or never. */
static void attack_and_serve(void *argument)
{
    uint64_t random = (uint64_t)argument;

    for (unsigned i = 0; i < ATTACKS; i++) {
        struct wk_message message;
        wk_handle reply;

        attack(&random);
        if (next(&random, 4) == 0)
            wk_receive(endpoints[next(&random, ENDPOINTS)], &message, wk_after_ns(next(&random, SOON_NS)));
        if (next(&random, 4) == 0 && wk_endpoint_reply_save(endpoints[0], &reply) == WK_OK) {
            if (next(&random, 2) == 0)
                wk_reply_send(reply, &(struct wk_answer){.capabilities = random & UINT64_C(0x3ffc0000)});
            wk_reply_send(reply, &(struct wk_answer){.status = WK_OK});
            wk_capability_delete(reply);
        }
    }
}

/* The same by its session, where nothing of an endpoint is to be had. */
static void sessions_are_no_endpoints(void)
{
    struct wk_message message;
    wk_handle minted;

    EXPECT(WK_OK, wk_capability_lend(sessions[0], 0, &minted));
    EXPECT(WK_NO_RIGHT, wk_receive(minted, &message, WK_NO_DEADLINE));
    EXPECT(WK_NO_RIGHT, wk_endpoint_mint(minted, 0, 0, &minted));
    EXPECT(WK_OK, wk_capability_delete(minted));
    EXPECT(WK_OK, wk_capability_lend(endpoints[0], WK_ENDPOINT_RIGHT_MINT, &minted));
    EXPECT(WK_NO_RIGHT, wk_receive(minted, &message, WK_NO_DEADLINE));
    EXPECT(WK_NO_RIGHT, wk_reply(minted, &(struct wk_answer){.status = WK_OK}));
    EXPECT(WK_OK, wk_capability_delete(minted));
    EXPECT(WK_NO_CALLER, wk_reply(endpoints[0], &(struct wk_answer){.status = WK_OK}));
}

/* What something is lent from can't be given away: the attack keeps its means. */
static wk_handle pinned(wk_handle handle)
{
    wk_handle child;

    EXPECT(WK_OK, wk_capability_lend(handle, 0, &child));
    return handle;
}

int main(void)
{
    struct wk_thread servers[ENDPOINTS], attackers[ATTACKERS];

    EXPECT(WK_OK, wk_event_create(pinned(wk_self.bank), &event));
    pinned(event);
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoints[i]));
        EXPECT(WK_OK, wk_endpoint_mint(endpoints[i], i, 0, &sessions[i]));
        EXPECT(WK_OK, wk_endpoint_accept(pinned(endpoints[i]), 0xffff, 6));
        pinned(sessions[i]);
    }
    sessions_are_no_endpoints();
    for (unsigned i = 0; i < ENDPOINTS; i++) {
        services[i] = (struct wk_service){.endpoint = endpoints[i], .handle = handle};
        EXPECT(WK_OK, wk_thread_run(&servers[i], serve, &services[i], STACK_PAGES, PRIORITY));
    }
    for (uint64_t i = 0; i < ATTACKERS; i++)
        EXPECT(WK_OK, wk_thread_run(&attackers[i], attack_and_serve, (void *)(wk_now_ns() + i), STACK_PAGES, PRIORITY));
    for (unsigned i = 0; i < ATTACKERS; i++)
        EXPECT(WK_OK, wk_thread_join(&attackers[i], WK_FOREVER));
    for (unsigned i = 0; i < ENDPOINTS; i++)
        wk_thread_abandon(&servers[i]);
    return 0;
}
