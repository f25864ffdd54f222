/* SPDX-License-Identifier: MIT */
/* Signals: which are pending, what is done about them, and the frames that handlers see. */
#ifndef LINUX_SIGNALS_H
#define LINUX_SIGNALS_H

#include "linux.h"

#define SIGNAL_MAX 64
#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))

/* As in POSIX's <signal.h>, which would bring more than their numbers. */
enum {
    SIGNAL_HUP = 1,
    SIGNAL_INT = 2,
    SIGNAL_QUIT = 3,
    SIGNAL_ILL = 4,
    SIGNAL_TRAP = 5,
    SIGNAL_ABRT = 6,
    SIGNAL_BUS = 7,
    SIGNAL_FPE = 8,
    SIGNAL_KILL = 9,
    SIGNAL_SEGV = 11,
    SIGNAL_PIPE = 13,
    SIGNAL_ALRM = 14,
    SIGNAL_CHLD = 17,
    SIGNAL_CONT = 18,
    SIGNAL_STOP = 19,
    SIGNAL_TSTP = 20,
    SIGNAL_TTIN = 21,
    SIGNAL_TTOU = 22,
    SIGNAL_URG = 23,
    SIGNAL_XCPU = 24,
    SIGNAL_XFSZ = 25,
    SIGNAL_WINCH = 28,
    SIGNAL_SYS = 31,
    SIGNAL_REALTIME = 32, /* this one and the others up to 64 queue */
};

/* What is told of a signal beside its number. */
struct signal_info {
    int32_t code;
    int32_t sender;
    uint32_t user;
    uint64_t value; /* an address, a status, or what sigqueue was given */
};

/* The calling thread gets a signal, by what it does itself. */
void signal_self(int signal);
/* A thread of this process gets one. */
void signal_thread(struct thread *thread, int signal, const struct signal_info *info);
/* For a call that a signal has ended: what it answers, after which linux_leave looks for the signal. */
int64_t signals_restart(void);
/* For calls that wait with other signals blocked: from the first to the second, or to the handler that runs meanwhile. */
void signals_wait_with(uint64_t mask);
void signals_wait_done(void);
/* Whether one is pending that is not blocked. */
bool signals_pending(void);
/* For a wait that was interrupted: drops what is ignored, stops for what stops the process, and has other threads look at what they may
 * take. Whether the wait may go on: no signal is left for a handler, or to end the process, or that the thread waits for. */
bool signals_let_wait(void);
/* Whether it is ignored, by its action or by default. */
bool signal_is_ignored(int signal);
/* What a new program does not take over: handlers. */
void signals_for_program(void);
/* Handles what is pending: the frame, which holds all registers, goes on in a handler, or as it was. */
void signals_handle(struct entry_frame *frame, int64_t result);
/* A fault of the program at the frame: the signal's handler, or its end. */
void signal_fault(struct entry_frame *frame, int signal, int32_t code, uint64_t address);
/* Loads the registers that the frame of a handler has. */
void signals_return(struct entry_frame *frame);

#endif
