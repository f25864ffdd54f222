/* SPDX-License-Identifier: MIT */
/*
 * Serving the faults of other processes: pagers, debugger, emulators of foreign calls. Such a server is like any other
 * (serve.h); its messages are of the kind WK_MESSAGE_KIND_FAULT, and what it answers has the thread go on or its process
 * end. What it needs to do so, it must have: the process's capability to map into it, its control to name the thread.
 */
#ifndef WINKLE_FAULTS_H
#define WINKLE_FAULTS_H

#include <winkle/calls.h>
#include <winkle/thread.h>

#include <stdbool.h>

/* What a thread could not answer itself. */
struct wk_fault {
    enum wk_upcall_cause cause;
    uint64_t detail; /* the address; of a foreign call the number */
    uint64_t pc;     /* the faulting instruction */
    uint64_t thread; /* the thread's identity, as `capability: info` tells it; see wk_process_faulting_thread */
    enum wk_end_reason reason; /* by which the process ends if it is not answered */
};

/* Reads a message. False: it tells of no fault. */
bool wk_fault_read(const struct wk_message *message, struct wk_fault *fault);
/* The answers: the thread goes on there, with the registers that it has; or its process ends. */
void wk_fault_go_on(struct wk_answer *answer, uint64_t pc);
void wk_fault_decline(struct wk_answer *answer);

/*
 * Has the faults of a process told by that session, of which it is lent nothing but that. It ends with the session, with
 * the capability `session`, or when another is set. Errors: those of `process: grant`, WK_BAD_ARGUMENT if the right
 * `fault` is not there to be lent.
 */
enum wk_status wk_fault_set_handler(wk_handle process, wk_handle session);

#endif
