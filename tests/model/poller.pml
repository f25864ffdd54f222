/* SPDX-License-Identifier: MIT */
/*
 * The sleep of a ring's poller: the kernel looks for entries by itself, turn by turn, until it finds none; then it says in
 * the consumer's line of the ring that it sleeps, looks once more, and sleeps until somebody enters the ring. A program
 * that has published entries enters only if the poller sleeps (winkle/ring_memory.h, lib/winkle/queue.h).
 *
 * Modelled: a program that publishes entries, and may enter for nothing; the poller, whose turns are holds of the kernel lock;
 * entering, which is one too; whoever suspends the process and has it go on, and whoever ends the poller; and the memory: a
 * store stands in its hart's buffer until the memory takes it, in any order but across a full fence. The lock is a full fence
 * both ways.
 *
 * Abstracted: entries (ring.pml); room and completions, for want of which it rests and looks again by itself; a turn takes one entry; `sleeps` does not come round.
 *
 * Shown: all entries are taken without any further entering (else it would be an invalid end), and the poller is never
 * both asleep and scheduled.
 *
 * Five seeded bugs: the poller does not look again when it has said that it sleeps; the program has no full fence before it
 * looks whether it does; entering looks whether the poller sleeps before it has the lock; a process that goes on leaves its
 * poller asleep (SEEDED_BUG_SUSPEND); a poller that ends does not say that nobody takes entries any more (SEEDED_BUG_END).
 */
#define ENTRIES 3

byte index;                 /* the program's, as the memory has it */
byte index_stored;          /* in its hart's buffer, */
bool is_index_stored;       /* if so */
byte sleeps;                /* the poller's */
byte sleeps_stored;
bool is_sleeps_stored;
bool lock;
bool is_asleep, is_scheduled = true; /* the poller; under the lock */
bool is_suspended, is_to_end, is_gone;
byte taken;

inline acquire() {
    atomic { !lock -> lock = true }
}

active proctype memory() {
end:
    do
    :: atomic { is_index_stored -> index = index_stored; is_index_stored = false }
    :: atomic { is_sleeps_stored -> sleeps = sleeps_stored; is_sleeps_stored = false }
    od
}

inline enter() {
#ifdef SEEDED_BUG_LOCK
    asleep = is_asleep;
    acquire();
#else
    acquire();
    asleep = is_asleep;
#endif
    !is_index_stored;
    if
    :: asleep -> atomic { is_asleep = false; is_scheduled = true }
    :: is_gone -> taken = index
    :: else
    fi;
    lock = false
}

inline wake() {
    atomic {
        if
        :: is_asleep -> is_asleep = false; is_scheduled = true
        :: else
        fi
    }
}

/* Another process's thread. */
active proctype suspender() {
    acquire();
    is_suspended = true;
    lock = false;
    acquire();
    is_suspended = false;
#ifndef SEEDED_BUG_SUSPEND
    wake();
#endif
    lock = false
}

/* Ends the poller, or not. */
active proctype ender() {
    if
    :: acquire(); is_to_end = true; wake(); lock = false
    :: true
    fi
}

active proctype program() {
    byte written, seen, needless;
    bool asleep;

    do
    :: written < ENTRIES ->
        written++;
        atomic { !is_index_stored -> index_stored = written; is_index_stored = true };
#ifndef SEEDED_BUG_FENCE
        !is_index_stored;
#endif
        seen = sleeps;
        if
        :: seen % 2 == 1 -> enter()
        :: else
        fi
    :: needless < 2 -> needless++; enter() /* for completions, say */
    :: else -> break
    od
}

/* Says whether it sleeps; the fence behind it. */
inline say(is_odd) {
    if
    :: (own_sleeps % 2 == 1) != is_odd ->
        own_sleeps++;
        atomic { !is_sleeps_stored -> sleeps_stored = own_sleeps; is_sleeps_stored = true };
        !is_sleeps_stored
    :: else
    fi
}

active proctype poller() {
    byte own_sleeps;
    byte seen;

end:
    do
    :: is_scheduled ->
        acquire();
        assert(!is_asleep);
        say(false);
        seen = index;
        if
        :: is_suspended -> say(true); atomic { is_asleep = true; is_scheduled = false }
        :: !is_suspended && is_to_end ->
#ifndef SEEDED_BUG_END
            say(true);
#endif
            seen = index;
            if
            :: seen > taken -> taken++
            :: else -> atomic { is_gone = true; is_scheduled = false }
            fi
        :: !is_suspended && !is_to_end && seen > taken -> taken++
        :: else ->
            say(true);
#ifndef SEEDED_BUG_LOOK
            seen = index;
#endif
            if
            :: seen > taken -> say(false)
            :: else -> atomic { is_asleep = true; is_scheduled = false }
            fi
        fi;
        lock = false
    od
}

active proctype judge() {
end:
    do
    :: timeout -> assert(taken == ENTRIES); break
    od
}
