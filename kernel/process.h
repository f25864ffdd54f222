/* SPDX-License-Identifier: MIT */
#ifndef PROCESS_H
#define PROCESS_H

#include "capability.h"
#include "event.h"
#include "space.h"
#include "tree.h"

struct process {
    struct object object;
    struct capability_table table;
    struct space space;
    struct tree mappings; /* struct mapping by first address */
    uint64_t mapping_count;
    struct list threads; /* struct thread, process_link */
    uint64_t thread_count;
    uint8_t state;    /* enum wk_process_state */
    uint8_t reason;   /* enum wk_end_reason */
    bool owes_report; /* of its end, to be printed before the end is complete */
    bool cloning;     /* a clone_table into it is under way: its table is not to be touched otherwise */
    uint64_t end_detail;
    uint64_t end_counter;  /* program counter at a fault */
    uint64_t upcall_entry; /* 0: no handler */
    uint64_t upcall_return;
    struct slot_cache fault_slot; /* a session of its own table by which faults are told; no_slot: none */
    struct event_binding end;     /* signalled when it ends */
    uint64_t end_cursor;          /* progress of taking it apart */
};

/* Makes an empty process. NULL if the bank cannot pay. Takes two frames. */
struct process *process_make(struct bank *bank);

/*
 * Starts the end of the process: it is `ending`. The rest is process_end_step, called by whoever kills it, or for a
 * process that ends itself or by a fault, by its hart's reaper.
 */
void process_begin_end(struct process *process, enum wk_end_reason reason, uint64_t detail, uint64_t counter);
/* One step of taking it apart: threads, the report that it owes, mappings, capabilities. WK_CONTINUE until all are gone. */
enum wk_status process_end_step(struct process *process, struct operation *operation);
/* Prints one character of the report that is under way, or begins the process's, which owes one. */
void process_report_step(struct process *process);
/* The current thread's process ends by this thread's doing; a report is printed if nobody listens for the end. */
void process_fault(struct thread *thread, enum wk_end_reason reason, uint64_t detail);

enum wk_status process_dismantle(struct object *object, struct operation *operation);

#endif
