/* SPDX-License-Identifier: MIT */
/*
 * Synchronous calls between harts, with helping. A hart's run queue holds threads that own a budget: here, the clients.
 * A client that calls stays one of them; when its hart chooses it, the hart runs the end of its chain, the server, on
 * the client's budget. If the server cannot be run there, because another hart runs it or because it sleeps, the client
 * is parked, and put back when the server stops or is woken.
 *
 * Modelled: a server without a budget; clients on two harts, which call it again and again until they end at some time;
 * at any time preemption, budgets that run dry and are filled or are not, time limits, killing, and a server that waits
 * for something else. A hart that is told something goes on with user code until it takes the interrupt; so the server
 * may go on, and reply, for a client that has left.
 *
 * Abstracted: each entry into the kernel is one step, for it is one hold of the kernel lock; that a hart learns what it
 * is told (wakeup.pml); priorities: any client of the hart, or of the endpoint's queue, may be the next. Not modelled:
 * servers that call servers, several servers at an endpoint, a server's end.
 *
 * Shown: the server never runs on two harts. A call has exactly one answer, by the reply or otherwise, before its
 * client goes on, and no reply reaches a client which gave up the call. A client pays for its own chain only, or its
 * hart is told. Clients are parked only while they cannot help, and who is killed is left in no queue. Nothing is lost:
 * when nothing moves any more, no client that has a budget is left, in a call or not, even if the one who is served is
 * dry. And helping gets on: when nothing comes from outside any more, the harts choose CHOICES_MAX times at most from
 * one call, reply or end to the next.
 *
 * The seeded bug: a server that stops leaves those alone who are parked because of it.
 */
#define HARTS 2
#define CLIENTS 4
#define SERVER CLIENTS
#define NONE 7
#define HOME(client) ((client) / 2)
#define CHOICES_MAX 3

mtype = { NO_CALL, QUEUED, SERVED };            /* at the endpoint; taken by the server */
mtype = { READY, CURRENT, PARKED, DRY, GONE };  /* in the run queue; chosen; parked; without budget; ended */
mtype call[CLIENTS] = NO_CALL;
mtype place[CLIENTS] = READY;

byte current[HARTS] = NONE;  /* the client that the hart has chosen, on whose budget it runs */
byte running[HARTS] = NONE;  /* whose registers the hart has: that client's or the server's */
bool told[HARTS] = true;     /* the hart is to choose again: attention, and the interrupt that goes with it */

byte server_hart = NONE;     /* where the server runs */
byte caller = NONE;          /* whom it is to answer */
bool receives = true;        /* it waits for a call */
bool sleeps;                 /* it waits for something else, in the midst of its work */
bool given_up;               /* whoever made the call that it works for does not wait any more */

bool calm;                   /* nothing comes from outside any more */
byte choices;                /* since then, and since the last call, reply or end */

#define CALLS(client) (call[client] != NO_CALL)
#define IS_READY(client, h) (client < CLIENTS && HOME(client) == h && place[client] == READY)
#define CANNOT_HELP(h) (sleeps || (server_hart != NONE && server_hart != h))

/* The client is in its hart's run queue again. */
inline make_ready(client) {
    place[client] = READY;
    told[HOME(client)] = true
}

/* The server can be helped: whoever was parked meanwhile may do so. */
inline unpark() {
    for (i : 0 .. CLIENTS - 1) {
        if
        :: place[i] == PARKED -> make_ready(i)
        :: else
        fi
    }
    i = 0
}

/* The hart runs something else than the server. */
inline server_stop() {
    server_hart = NONE;
#ifndef SEEDED_BUG
    unpark()
#endif
}

/* The hart goes on with what its client's chain ends in. */
inline go_on(h) {
    next = (current[h] == NONE -> NONE : (CALLS(current[h]) -> SERVER : current[h]));
    if
    :: server_hart == h && next != SERVER -> server_stop()
    :: next == SERVER -> assert(!receives && !CANNOT_HELP(h)); server_hart = h
    :: else
    fi;
    running[h] = next;
    next = 0
}

/* The hart has chosen the client. */
inline try(client, h) {
    if
    :: CALLS(client) && CANNOT_HELP(h) -> place[client] = PARKED
    :: else -> place[client] = CURRENT; current[h] = client; break
    fi
}

/* The hart chooses: any client that is ready there. */
inline choose(h) {
    told[h] = false;
    choices = choices + calm;
    assert(choices <= CHOICES_MAX);
    if
    :: current[h] != NONE && place[current[h]] == CURRENT -> place[current[h]] = READY
    :: else
    fi;
    current[h] = NONE;
    do
    :: IS_READY(0, h) -> try(0, h)
    :: IS_READY(1, h) -> try(1, h)
    :: IS_READY(2, h) -> try(2, h)
    :: IS_READY(3, h) -> try(3, h)
    :: else -> break
    od;
    go_on(h)
}

/* The way out of the kernel. */
inline leave(h) {
    if
    :: told[h] || place[current[h]] != CURRENT || (CALLS(current[h]) && CANNOT_HELP(h)) -> choose(h)
    :: else -> go_on(h)
    fi
}

/* The one answer to a call. */
inline answer(client) {
    assert(CALLS(client));
    call[client] = NO_CALL;
    if
    :: place[client] == PARKED -> make_ready(client)
    :: else
    fi
}

/* A call ends by itself, without a reply. The server, if it has the call, does not notice. */
inline give_up(client) {
    if
    :: client == caller -> caller = NONE; given_up = true
    :: else
    fi;
    answer(client);
    if
    :: place[client] == CURRENT -> told[HOME(client)] = true
    :: else
    fi
}

inline take(client) {
    call[client] = SERVED;
    caller = client;
    given_up = false;
    receives = false
}

/* The current client of the hart calls. */
inline enter_call(client) {
    choices = 0;
    if
    :: place[client] == GONE     /* killed from another hart, whose interrupt has not come yet: it may not wait */
    :: place[client] != GONE && receives -> take(client)
    :: place[client] != GONE && !receives -> call[client] = QUEUED
    fi
}

/* The server sleeps; those who are parked stay so until it is woken. */
inline sleep() {
    sleeps = true;
    server_hart = NONE
}

inline reply_receive() {
    choices = 0;
    if
    :: caller != NONE -> assert(!given_up && call[caller] == SERVED); answer(caller)
    :: else
    fi;
    caller = NONE;
    if
    :: call[0] == QUEUED -> take(0)
    :: call[1] == QUEUED -> take(1)
    :: call[2] == QUEUED -> take(2)
    :: call[3] == QUEUED -> take(3)
    :: else -> receives = true
    fi
}

/* What happens on a hart: interrupts, what its threads do, and what is done to them. */
active [HARTS] proctype hart() {
    byte i;
    byte next;

end:
    do
    :: atomic { told[_pid] -> choose(_pid) }
    :: atomic { running[_pid] < CLIENTS -> enter_call(current[_pid]); leave(_pid) }
    :: atomic { running[_pid] < CLIENTS -> place[current[_pid]] = GONE; choices = 0; choose(_pid) }
    :: atomic { running[_pid] == SERVER -> reply_receive(); leave(_pid) }
    :: atomic { running[_pid] == SERVER && !calm -> sleep(); leave(_pid) }
    :: atomic { running[_pid] != NONE && !calm -> choose(_pid) } /* preempted */
    :: atomic {
            running[_pid] != NONE && !calm && place[current[_pid]] == CURRENT ->
            place[current[_pid]] = DRY;
            choose(_pid)
        }
    od
}

/* Time limits, killing, and new budget. */
inline disturb(client) {
    if
    :: CALLS(client) -> give_up(client)
    :: CALLS(client) -> give_up(client); place[client] = GONE
    :: !CALLS(client) -> told[HOME(client)] = true; place[client] = GONE
    :: place[client] == DRY -> make_ready(client)
    fi
}

active proctype outside() {
    byte i;

    do
    :: atomic { sleeps -> sleeps = false; unpark() }
    :: atomic { place[0] != GONE -> disturb(0) }
    :: atomic { place[1] != GONE -> disturb(1) }
    :: atomic { place[2] != GONE -> disturb(2) }
    :: atomic { place[3] != GONE -> disturb(3) }
    :: atomic { !sleeps -> calm = true; break }
    od
}

#define END_OF_CHAIN(client) (CALLS(client) -> SERVER : client)

#define RUNS_ONCE(h) ((running[h] == SERVER) == (server_hart == h))
#define GOES_ON_ANSWERED(h) (running[h] >= CLIENTS || !CALLS(running[h]))
#define PAYS_FOR_ITSELF(h) (current[h] == NONE || \
    (place[current[h]] == CURRENT && running[h] == END_OF_CHAIN(current[h])))
#define WAITS_FOR_ANOTHER(client) (CALLS(client) && CANNOT_HELP(HOME(client)))
#define WILL_BE_CHOSEN(client) (current[HOME(client)] != NONE || told[HOME(client)])
#define SOUND(client) ((place[client] != PARKED || WAITS_FOR_ANOTHER(client)) && \
    (place[client] != READY || WILL_BE_CHOSEN(client)) && (place[client] != GONE || !CALLS(client)))
#define AT_REST(client) (place[client] == GONE || place[client] == DRY)

active proctype judge() {
end:
    do
    :: !(RUNS_ONCE(0) && RUNS_ONCE(1)) -> assert(false)
    :: !(GOES_ON_ANSWERED(0) && GOES_ON_ANSWERED(1)) -> assert(false)
    :: !((told[0] || PAYS_FOR_ITSELF(0)) && (told[1] || PAYS_FOR_ITSELF(1))) -> assert(false)
    :: !(SOUND(0) && SOUND(1) && SOUND(2) && SOUND(3)) -> assert(false)
    :: timeout -> assert(AT_REST(0) && AT_REST(1) && AT_REST(2) && AT_REST(3)); break
    od
}
