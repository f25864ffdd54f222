/* SPDX-License-Identifier: MIT */
/*
 * Sleep and wake-up (kernel/trap.c, schedule.c, deadline.c, hart.c): how a hart learns that it has something to do.
 *
 * Modelled: one hart, from where it takes its interrupts to user code or sleep and back; and two other harts which make
 * a thread of it ready, take one away, or move its deadlines, again and again until they stop at some time. They note
 * under the lock that they have to tell it, and interrupt it when they have released the lock. The hart looks at
 * `first_ns` and sleeps without the lock. In the kernel interrupts are off: one that is pending ends the sleep, and is
 * taken in the next turn of the loop. The hart's threads block, wake each other, set deadlines, or run until they are
 * interrupted.
 *
 * Abstracted: each hold of the lock is one step, for nobody sees half of it (of first_ns and timer_moved, both orders
 * come to the same); two threads, one for each waker, of which thread 1 is the more urgent; no slices; no flushes
 * (kernel_lock.pml); no putting off of the next deadline after many; wfi returns only when it must; time stands still
 * at TIME_MAX; memory is sequentially consistent.
 *
 * Shown: INV-SCHED-3 and INV-DEADLINE-3 in every state, and that no wake-up is lost: when nothing moves any more, the
 * hart runs its most urgent thread, or sleeps and has none, and no deadline is left.
 *
 * The order matters: the pending bit is cleared, then the hart looks. The seeded bug looks first.
 */
#define WAKERS 2
#define THREADS WAKERS
#define TIME_MAX 2
#define NEVER 9
#define NONE 9

mtype = { INSIDE, LEAVING, OUTSIDE };
mtype hart = INSIDE;           /* LEAVING: it has chosen a thread; OUTSIDE: and has seen to its timer */

byte current = NONE;           /* the hart's thread; without one it is idle */
bool runnable[THREADS];        /* the thread is queued, or current */
bool reschedule;
bool timer_moved;

byte now;
byte deadline[THREADS] = NEVER;
byte first_ns = NEVER;
byte timer_ns = NEVER;         /* what the hart takes its timer to be set to, */
byte timer = NEVER;            /* and what it is set to */

bool software;                 /* an inter-processor interrupt is pending */
bool owed[WAKERS];             /* one is to be sent as soon as the lock is released */

#define TIMER_PENDING (now >= timer)
#define ON_ITS_WAY (software || owed[0] || owed[1])
#define MOST_URGENT (runnable[1] -> 1 : (runnable[0] -> 0 : NONE))
#define EARLIEST (deadline[0] < deadline[1] -> deadline[0] : deadline[1])

/* schedule_ready, schedule_unready, deadline_set and deadline_cancel. `tell`: the hart is to be told. */
inline ready(thread, tell) {
    if
    :: !runnable[thread] && (current == NONE || current < thread) -> reschedule = true; tell = true
    :: else
    fi;
    runnable[thread] = true
}

inline unready(thread, tell) {
    if
    :: runnable[thread] && current == thread -> reschedule = true; tell = true
    :: else
    fi;
    runnable[thread] = false
}

inline set_deadline(thread, time, tell) {
    deadline[thread] = time;
    if
    :: EARLIEST < first_ns -> timer_moved = true; tell = true
    :: EARLIEST > first_ns -> timer_moved = true
    :: else
    fi;
    first_ns = EARLIEST
}

active [WAKERS] proctype waker() {
end:
    do
    :: atomic {
            if
            :: true -> ready(_pid, owed[_pid])
            :: true -> unready(_pid, owed[_pid])
            :: true -> set_deadline(_pid, 1, owed[_pid])
            :: true -> set_deadline(_pid, TIME_MAX, owed[_pid])
            :: true -> set_deadline(_pid, NEVER, owed[_pid])
            fi
        };
        if
        :: owed[_pid] -> atomic { software = true; owed[_pid] = false }
        :: else
        fi
    :: break
    od
}

/* trap_leave, from its first line to where user code or sleep has ended. */
active proctype target() {
    byte thread;
    byte time;
    bool tell; /* itself, that is nobody */

take_interrupts:
    if
    :: TIMER_PENDING -> timer_ns = 0
    :: else
    fi;
#ifndef SEEDED_BUG
    if
    :: software -> software = false; reschedule = true
    :: else
    fi;
#endif
    atomic {
        if
        :: first_ns <= now -> /* deadline_expire */
            thread = (deadline[0] == first_ns -> 0 : 1);
            set_deadline(thread, NEVER, tell);
            ready(thread, tell);
            thread = 0;
            tell = false;
            goto take_interrupts
        :: else
        fi;
        if /* schedule_choose */
        :: reschedule || current == NONE || !runnable[current] -> reschedule = false; current = MOST_URGENT
        :: else
        fi;
        hart = LEAVING
    };
#ifdef SEEDED_BUG
    software = false;
#endif
    timer_moved = false; /* deadline_program */
    time = first_ns;
    if
    :: time != timer_ns -> timer_ns = time; timer = time
    :: else
    fi;
    atomic { time = 0; hart = OUTSIDE };

end_outside:
    if
    :: software || TIMER_PENDING -> hart = INSIDE; goto take_interrupts
    :: atomic {
            current != NONE -> /* the thread invokes */
            if
            :: true -> unready(current, tell)
            :: true -> ready(1, tell)
            :: true -> set_deadline(current, TIME_MAX, tell)
            fi;
            tell = false;
            if
            :: reschedule || timer_moved -> hart = INSIDE; goto take_interrupts
            :: else -> goto end_outside /* straight back */
            fi
        }
    fi
}

active proctype clock() {
end:
    do
    :: now < TIME_MAX -> now++
    od
}

active proctype judge() {
end:
    do
    :: atomic { hart != INSIDE && MOST_URGENT != current && !ON_ITS_WAY -> assert(false) } /* INV-SCHED-3 */
    :: atomic { hart == OUTSIDE && first_ns < timer && !ON_ITS_WAY -> assert(false) } /* INV-DEADLINE-3 */
    :: timeout -> assert(current == MOST_URGENT && EARLIEST == NEVER); break
    od
}
