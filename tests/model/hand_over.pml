/* SPDX-License-Identifier: MIT */
/*
 * The hand-over of a hart (kernel/hand_over.c, trap.c, arch/riscv/trap.S): a signal, a timer or a yield goes straight from
 * the thread that runs to another, without a choice, while other harts do as they like with both.
 *
 * Modelled: two harts, whose threads signal, wait, yield, and are interrupted by a timer and by each other; their choice
 * and their sleep; and a third hart, which signals, stops and moves threads until it ceases at some time. Of the threads,
 * 2 is more urgent than its equals 0 and 1, and waits, for a signal or its timer. 0 stays where it is. Where a thread
 * was handed over to, the lock is held until the registers of who is left are stored; where none was and an invocation
 * does not go straight back, they are stored when the lock has been released; an interrupt stores them before all else.
 *
 * Abstracted: every other hold of the lock is one step, with the notifications that follow it; that pending interrupts
 * are seen in the right order (wakeup.pml); calls (call.pml), so whoever is current pays for itself, or its hart is told;
 * slices, capacity, deadlines of budgets, floating point; the order of equals; a device's interrupt, which does what the
 * timer's does; memory is sequentially consistent.
 *
 * Shown: no thread is current on two harts, none is loaded before its registers have been stored, or while it waits. A
 * wait has one answer, and no signal is lost. Who could run is queued once, parked or pays; who could not is not queued
 * (INV-SCHED-1). While a hart runs user code or sleeps, nothing more urgent is ready there and it has its payer current,
 * or an interrupt is pending (INV-SCHED-3). When nothing moves any more, each hart runs the most urgent of its threads.
 *
 * Three seeded bugs: the lock is released before the registers of who is left are stored; the hart goes straight to a
 * thread that waits, but that another hart has not left yet (HINDERED_BY_HART); it goes on from an interrupt although a
 * choice is due.
 */
#define HARTS 2
#define OUTSIDE HARTS
#define THREADS 3
#define NONE THREADS
#define FREE 9
#define PRIORITY(thread) ((thread) / 2)

mtype = { UNPLACED, READY, PARKED };
mtype place[THREADS] = READY;

byte home[THREADS];          /* the hart of its budget */
bool waits[THREADS];
bool suspended[THREADS];
bool pending[THREADS];       /* a signal that nobody waited for */
byte timer = FREE;           /* the hart whose timer is to wake thread 2 */
bool hindered[THREADS];      /* HINDERED_BY_HART */
bool stored[THREADS] = true; /* its registers are in its context */

byte lock = FREE;
byte payer[HARTS] = NONE;
byte current[HARTS] = NONE;
bool reschedule[HARTS] = true;
bool software[HARTS];        /* an inter-processor interrupt is pending */
bool runs[HARTS];            /* user code, or sleeps; or is about to */
bool calm;                   /* threads and the third hart do nothing more */

#define RUNNABLE(t) (!waits[t] && !suspended[t])
#define IS_READY(t, h) (place[t] == READY && home[t] == h)
#define FIRST_READY(h) (IS_READY(2, h) -> 2 : (IS_READY(1, h) -> 1 : (IS_READY(0, h) -> 0 : NONE)))
#define MORE_URGENT(t, than) (t != NONE && (than == NONE || PRIORITY(t) > PRIORITY(than)))
#define IS_CURRENT(t) (current[0] == t || current[1] == t)
#define EQUAL_OF(t) (1 - t)

inline ask(me, h) {
    reschedule[h] = true;
    software[h] = software[h] || me != h
}

inline enqueue(t) {
    assert(place[t] == UNPLACED && payer[0] != t && payer[1] != t);
    place[t] = READY
}

/* schedule_ready */
inline ready(me, t) {
    if
    :: place[t] == PARKED -> place[t] = UNPLACED
    :: else
    fi;
    if
    :: payer[home[t]] == t -> ask(me, home[t])
    :: payer[home[t]] != t && place[t] == UNPLACED ->
        enqueue(t);
        if
        :: MORE_URGENT(t, payer[home[t]]) -> ask(me, home[t])
        :: else
        fi
    :: else
    fi
}

/* schedule_unready */
inline unready(me, t) {
    if
    :: place[t] != UNPLACED -> place[t] = UNPLACED
    :: place[t] == UNPLACED && payer[home[t]] == t -> ask(me, home[t])
    :: else
    fi;
    if
    :: current[0] == t -> ask(me, 0)
    :: current[1] == t -> ask(me, 1)
    :: else
    fi
}

inline note_answer(t) {
    assert(waits[t]);
    waits[t] = false
}

/* thread_answer */
inline answer(me, t) {
    note_answer(t);
    if
    :: RUNNABLE(t) -> ready(me, t)
    :: else
    fi
}

/* can_go_to, but for what its callers look at themselves: that the thread waits, or that it could run. */
#ifdef SEEDED_BUG_HINDRANCE
#define CAN_GO_TO(me, t) (!reschedule[me] && !suspended[t] && home[t] == me)
#else
#define CAN_GO_TO(me, t) (!reschedule[me] && !suspended[t] && !hindered[t] && home[t] == me)
#endif
#define CAN_BE_LEFT(me) (payer[me] == current[me] && RUNNABLE(current[me]) && !hindered[current[me]])

/* thread_answer_at_once; `left` is who was left, if somebody was. */
inline answer_at_once(me, t) {
    if
    :: CAN_GO_TO(me, t) && current[me] == NONE && payer[me] == NONE ->
        note_answer(t);
        assert(place[t] == UNPLACED);
        payer[me] = t;
        current[me] = t
    :: CAN_GO_TO(me, t) && current[me] != NONE && MORE_URGENT(t, current[me]) && CAN_BE_LEFT(me) ->
        note_answer(t);
        left = current[me];
        assert(place[t] == UNPLACED);
        payer[me] = t;
        current[me] = t;
        enqueue(left)
    :: else -> answer(me, t)
    fi
}

/* event_signal_at_once, or where that has nobody to wake. */
inline signal(me, t) {
    if
    :: waits[t] -> answer_at_once(me, t)
    :: else -> pending[t] = true
    fi
}

/* event_wait_expired: of a wait that ended otherwise, the deadline is still there. */
inline expire(me) {
    timer = FREE;
    if
    :: waits[2] -> answer_at_once(me, 2)
    :: else
    fi
}

/* schedule_yield_at_once */
inline yield(me, t) {
    if
    :: t < 2 && IS_READY(EQUAL_OF(t), me) && CAN_GO_TO(me, EQUAL_OF(t)) && !IS_CURRENT(EQUAL_OF(t)) && CAN_BE_LEFT(me) ->
        assert(RUNNABLE(EQUAL_OF(t)));
        left = t;
        place[EQUAL_OF(t)] = UNPLACED;
        payer[me] = EQUAL_OF(t);
        current[me] = EQUAL_OF(t);
        enqueue(left)
    :: else
    fi
}

/* schedule_stays_current */
inline stays_current(me) {
    hindered[current[me]] = hindered[current[me]] || waits[current[me]]
}

/* schedule_switch_to */
inline switch_to(me, t) {
    if
    :: current[me] != NONE -> hindered[current[me]] = false
    :: else
    fi;
    if
    :: current[me] != t ->
        left = current[me];
        current[me] = t;
        if
        :: left != NONE && place[left] == PARKED -> ready(me, left)
        :: else
        fi;
        left = NONE
    :: else
    fi
}

/* schedule_choose */
inline choose(me) {
    if
    :: !reschedule[me] && current[me] != NONE && RUNNABLE(current[me])
    :: else ->
        do
        :: true ->
            reschedule[me] = false;
            next = FIRST_READY(me);
            if
            :: payer[me] != NONE && RUNNABLE(payer[me]) && !MORE_URGENT(next, payer[me]) -> next = payer[me]
            :: else ->
                if
                :: payer[me] != NONE && RUNNABLE(payer[me]) ->
                    left = payer[me];
                    payer[me] = NONE;
                    enqueue(left);
                    left = NONE
                :: else
                fi;
                payer[me] = next;
                if
                :: next != NONE -> place[next] = UNPLACED
                :: else
                fi
            fi;
            if
            :: next != NONE && current[1 - me] == next -> payer[me] = NONE; place[next] = PARKED
            :: else -> break
            fi
        od;
        switch_to(me, next);
        next = 0
    fi
}

/* event_wait, with a time limit or without. */
inline wait(me, t) {
    if
    :: pending[t] -> pending[t] = false
    :: else ->
        waits[t] = true;
        unready(me, t);
        if
        :: t == 2 && timer == FREE -> timer = me
        :: true
        fi
    fi
}

active [HARTS] proctype hart() {
    byte left = NONE;
    byte next;

leave: /* trap_leave */
    if
    :: atomic { software[_pid] -> software[_pid] = false; reschedule[_pid] = true }
    :: !software[_pid]
    fi;
    if
    :: atomic { lock == FREE && timer == _pid -> expire(_pid); left = NONE }; goto leave
    :: atomic { lock == FREE -> choose(_pid); runs[_pid] = !reschedule[_pid] }
    fi;
    if
    :: !runs[_pid] -> goto leave
    :: runs[_pid] && current[_pid] == NONE -> goto end_sleep
    :: runs[_pid] && current[_pid] != NONE
    fi;

load:
    atomic {
        assert(stored[current[_pid]] && !waits[current[_pid]]);
        stored[current[_pid]] = false;
        runs[_pid] = true
    };

end_user:
    if
    :: atomic { software[_pid] -> stored[current[_pid]] = true; runs[_pid] = false; goto leave }
    :: atomic {
            timer == _pid ->
            stored[current[_pid]] = true;
            runs[_pid] = false;
            goto interrupted
        }
    :: atomic { !calm && lock == FREE -> lock = _pid; signal(_pid, 2); goto invoked }
    :: atomic { !calm && lock == FREE -> lock = _pid; yield(_pid, current[_pid]); goto invoked }
    :: atomic {
            !calm && lock == FREE && current[_pid] == 2 ->
            lock = _pid;
            wait(_pid, current[_pid]);
            goto invoked
        }
    fi;

invoked: /* with the lock */
    atomic {
        if
        :: left != NONE -> runs[_pid] = false
        :: left == NONE && reschedule[_pid] -> stays_current(_pid); runs[_pid] = false; lock = FREE
        :: left == NONE && !reschedule[_pid] -> lock = FREE; goto end_user
        fi
    };
    if
    :: left == NONE -> stored[current[_pid]] = true; goto leave
    :: else
    fi;
#ifdef SEEDED_BUG_STORE
    lock = FREE;
    stored[left] = true;
#else
    stored[left] = true;
    lock = FREE;
#endif
    left = NONE;
    if
    :: reschedule[_pid] -> goto leave
    :: else -> goto load
    fi;

end_sleep:
    if
    :: software[_pid] -> runs[_pid] = false; goto leave
    :: timer == _pid -> runs[_pid] = false
    fi;

interrupted: /* trap_interrupt_alone, of the timer; an interrupt of a device does the same */
    if
    :: software[_pid] -> goto leave
    :: atomic { lock == FREE && timer == _pid -> expire(_pid); left = NONE }
    fi;
    if
#ifdef SEEDED_BUG_ATTENTION
    :: current[_pid] == NONE -> goto leave
#else
    :: current[_pid] == NONE || reschedule[_pid] -> goto leave
#endif
    :: else -> goto load
    fi
}

/* thread_change_budget */
inline move(t) {
    place[t] = UNPLACED;
    if
    :: payer[home[t]] == t -> payer[home[t]] = NONE; ask(OUTSIDE, home[t])
    :: else
    fi;
    home[t] = 1 - home[t];
    if
    :: RUNNABLE(t) -> ready(OUTSIDE, t)
    :: else -> unready(OUTSIDE, t)
    fi
}

inline disturb(t) {
    if
    :: waits[t] -> answer(OUTSIDE, t)
    :: t == 2 && !waits[t] -> pending[t] = true
    :: !suspended[t] -> suspended[t] = true; unready(OUTSIDE, t)
    :: suspended[t] ->
        suspended[t] = false;
        if
        :: RUNNABLE(t) -> ready(OUTSIDE, t)
        :: else
        fi
    :: waits[t] -> suspended[t] = true; answer(OUTSIDE, t) /* as when it ends */
    :: move(t)
    fi
}

active proctype outside() {
    do
    :: atomic { lock == FREE -> disturb(1) }
    :: atomic { lock == FREE -> disturb(2) }
    :: atomic { calm = true; break }
    od
}

#define HOLDS(h) (!runs[h] || software[h] || !MORE_URGENT(FIRST_READY(h), current[h])) /* INV-SCHED-3 */
#define PAYS_FOR_ITSELF(h) (!runs[h] || software[h] || payer[h] == current[h])
#define PLACED(t) (place[t] != UNPLACED || payer[home[t]] == t)
#define SOUND(t) (RUNNABLE(t) -> PLACED(t) : place[t] == UNPLACED) /* INV-SCHED-1 */
#define ONCE (current[0] == NONE || current[0] != current[1])
#define AT_REST(t) (suspended[t] || (waits[t] && !pending[t]) || \
    current[home[t]] == t || (IS_READY(t, home[t]) && current[home[t]] != NONE && \
    PRIORITY(t) <= PRIORITY(current[home[t]])))

active proctype judge() {
end:
    do
    :: atomic { lock == FREE && !(HOLDS(0) && HOLDS(1) && PAYS_FOR_ITSELF(0) && PAYS_FOR_ITSELF(1)) -> assert(false) }
    :: atomic { lock == FREE && !(SOUND(0) && SOUND(1) && SOUND(2) && ONCE) -> assert(false) }
    :: timeout -> assert(AT_REST(0) && AT_REST(1) && AT_REST(2) && timer == FREE); break
    od
}
