/* SPDX-License-Identifier: MIT */
/*
 * Kernel rings: see ring.c for their life, ring_entries.c for what becomes of an entry.
 *
 * INV-RING-1 the workers of a ring are threads of its process, as long as that has them: `executor` or in `free`, and then CREATED and without
 *            an operation; or their entry `is_pending`; or `poller`.
 * INV-RING-2 `owed` is the number of pending entries; completions that nobody has read, and those owed, are no more than
 *            the ring of completions holds.
 * INV-RING-3 unless the ring is dead, its pages are pinned.
 * INV-RING-4 `chain` is a pending entry, to which the next one is linked, or NULL.
 * INV-RING-5 `lead` is a pending call, or about to be one, without anything special, whose entry began with lead_word0; or NULL. What
 *            follows a call began with the same word, and has nothing special either. A call that is followed is queued, or served by
 *            a thread that is passive and its endpoint's only server, or about to be made.
 * INV-RING-6 `tells_at` is 0 while the ring is dead or has a doorbell, and while somebody waits for completions it is no more than the
 *            index at which there are as many as are waited for, as long as the reader's index does not go back.
 * INV-RING-7 unless the ring is dead, a side's `at` is where the message of its index stands, and `end` is behind it in its page.
 */
#ifndef RING_H
#define RING_H

#include "event.h"
#include "invoke.h"
#include "thread.h"

#include <winkle/ring_memory.h>

/* One of the two rings in the memory. Indices are the kernel's own; of the other side's each is read when it is used. */
struct ring_side {
    struct wk_ring_line *kernel_line;
    struct wk_ring_line *user_line;
    uint64_t first; /* message's place, in messages from the memory's first byte on */
    uint64_t mask;  /* how many, a power of two, less one */
    uint64_t index; /* messages that the kernel has read, or written; in the memory stand the low 32 bits */
    uint64_t *at;   /* where the next one stands, */
    uint64_t *end;  /* and where the messages end that stand in one piece with it */
};

/* What the entry before invoked: the same need not be looked up again while the slot's key is what it was. */
struct ring_target {
    struct slot_cache found; /* by word 0 of the entry, as its handle */
    uint64_t bound;
    operation_wrapper *wrapper; /* NULL: it does nothing */
};

struct ring {
    struct object object;
    struct process *process; /* referenced */
    struct ring_side entries;
    struct ring_side completions;
    struct thread *executor; /* the worker as which the next entry is executed, or NULL */
    struct list free;        /* more of them, struct thread, work.link */
    struct list workers;     /* all, struct thread, calls.ring_link */
    uint32_t worker_count;
    uint64_t owed;
    uint64_t wanted;      /* completions for which `ready` has a waiter */
    uint64_t tells_at;    /* before their index comes to this only the last completion concerns anybody: INV-RING-6 */
    uint32_t rung;        /* the value of `sleeps` for which the doorbell has been rung */
    bool cancels;         /* what the next entry is linked to failed */
    bool is_again;        /* the next entry was answered WK_AGAIN */
    bool is_walked;       /* a cancel goes through its workers, which it turns round */
    bool is_quick;        /* `target` does nothing, and nobody is to be told of completions */
    struct thread *chain; /* INV-RING-4 */
    struct thread *lead;  /* INV-RING-5 */
    uint64_t lead_word0;
    uint64_t timeout_ns;   /* of the next entry, if it is a call */
    struct thread *poller; /* a worker that is neither of these, or NULL */
    uint64_t idle_ns;      /* after so long without entries it sleeps */
    uint64_t idle_since_ns;
    uint32_t sleeps;    /* odd: it sleeps; what stands in its line */
    struct event ready; /* no object: where one thread waits for completions */
    struct event_binding doorbell;
    struct memory_pin pin;
    struct invocation invocation; /* of the entry that is executed */
    struct ring_target target;    /* what the invocation is about is the same */
    char *pages[WK_RING_PAGES_MAX];
};

/* The next entry is not the same as the one before. */
void ring_forget_target(struct ring *ring);

static inline bool ring_is_dead(const struct ring *ring)
{
    return ring->pin.memory == NULL;
}

/* The worker's operation has come to its end; its answer stands in its context. */
void ring_work_done(struct thread *worker);
/* The worker's call has a server, or that has changed: if it may take another call before it answers, those that follow do so no
 * longer. */
void ring_call_served(struct thread *worker);
/* A worker's call is answered with that status and words, and its server receives the next one. If one follows and all is simple, it
 * is the same worker's call now: returns who has the words of it, and in calls.badge word 0 of the entry; else NULL: nothing
 * has changed. Requires: the server is the hart's current thread, its endpoint has no other call or receiver, nothing awaits the
 * hart's attention, nothing travels with the answer. */
const struct thread *ring_answer_at_once(struct thread *caller, const uint64_t words[6], uint64_t status);
/* The hart's current thread answers a worker's call, which nothing follows or is linked to, with the message in hart->invocation, and
 * receives; and the hart goes straight to the thread that waits for completions. False: nothing has changed. Requires: the same. */
bool ring_finish_at_once(struct hart *hart, struct thread *caller);
/* A worker is free. */
void ring_worker_free(struct ring *ring, struct thread *worker);
/* The worker ends: its entry, if it has one, is completed as `revoked`. */
void ring_worker_gone(struct thread *worker);
/* A worker that is free, which is no more; NULL: there is none. */
struct thread *ring_worker_take(struct ring *ring);
/* Takes entries as far as one hold of the lock allows, and what else the hart has to attend to. WK_OK: there is nothing more
 * to be taken; WK_CONTINUE: there may be; else an error. */
enum wk_status ring_take(struct ring *ring, uint64_t *wanted);
/* Entries are there that nobody has taken. */
bool ring_has_entries(const struct ring *ring);
/* The worker's process was suspended, and goes on. */
void ring_worker_resumes(struct thread *worker);
/* The poller goes on, if it sleeps or rests. */
void ring_poller_wake(struct ring *ring);
/* Ends the wait for completions, if there is one. */
void ring_wait_end(struct ring *ring, enum wk_status status);

enum wk_status ring_dismantle(struct object *object, struct operation *operation);

#endif
