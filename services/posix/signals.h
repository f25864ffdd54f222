/* SPDX-License-Identifier: MIT */
/* Signals between processes. Whether one is blocked or handled is the receiver's own business; here they are pending until
 * it takes them. SIGKILL and SIGSTOP take effect at once, and so does that SIGCONT has a process go on. */
#ifndef POSIX_SIGNALS_H
#define POSIX_SIGNALS_H

#include "process.h"

/* Numbers as Linux has them. */
enum {
    SIGNAL_HUP = 1,
    SIGNAL_ILL = 4,
    SIGNAL_TRAP = 5,
    SIGNAL_BUS = 7,
    SIGNAL_KILL = 9,
    SIGNAL_SEGV = 11,
    SIGNAL_CHLD = 17,
    SIGNAL_CONT = 18,
    SIGNAL_STOP = 19,
    SIGNAL_TSTP = 20,
    SIGNAL_TTIN = 21,
    SIGNAL_TTOU = 22,
    SIGNAL_REALTIME = 32 /* this one and the others up to 64 queue */
};

/* A signal and what its receiver is told. */
struct signal {
    uint64_t signal, sender, user, value, code;
};

static inline uint64_t signal_bit(uint64_t signal)
{
    return UINT64_C(1) << (signal - 1);
}

/* Sends a signal, 1 to 64. WK_NO_MEMORY: there is no room in the queue of one that queues. */
enum wk_status signal_send(struct process *to, const struct signal *signal);
/* Takes the lowest pending one of `wanted`; false if there is none. */
bool signal_take(struct process *process, uint64_t wanted, struct signal *taken);
/* Stops a process that runs. */
void signal_stop(struct process *process, uint64_t signal);
/* Forgets what is pending. */
void signals_drop(struct process *process, uint64_t which);
/* The parent is told of a change: by its event, and by that signal if it is not 0. */
void signal_parent(struct process *process, uint64_t signal, uint64_t code, uint64_t status);

#endif
