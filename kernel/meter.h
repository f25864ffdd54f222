/* SPDX-License-Identifier: MIT */
/*
 * The kernel's meters, in builds that measure: of how long interrupts are off, how long the lock is held, how long each
 * operation takes (interfaces/FORMAT.md says from where to where), and what is kept of time at one event. A stretch begins
 * where the kernel is entered and ends where it is left, or at a preemption point, where interrupts that wait are taken.
 * Instructions spent in firmware are kept apart, and those of the meters. The harts of an emulator that counts instructions
 * take turns, and share one counter: a stretch in which another hart had its turn tells nothing, and is left out.
 */
#ifndef METER_H
#define METER_H

#include "hart.h"

struct thread;

#ifdef WINKLE_MEASURE
void meter_entered(void);
void meter_invocation(void);
/* The invocation has got as far as to be an operation, of that place in the table. */
void meter_operation(struct thread *thread, unsigned index);
/* The thread's was answered, or what was to be done at once is done. */
void meter_operation_done(const struct thread *thread);
/* A step of a long operation, within one hold of the lock. */
void meter_step_begins(void);
void meter_step_done(const struct thread *thread);
/* What is kept about time at one event, within one hold of the lock. */
void meter_event_begins(void);
void meter_event_done(void);
/* A ring's entry is executed as that worker's: metered as the operation that it is, and no part of what executes it. */
void meter_entry_begins(struct thread *worker);
void meter_entry_done(const struct thread *worker);
void meter_left(void);
void meter_first_user(void);
void meter_lock_taken(void);
void meter_lock_released(void);
void meter_lock_waits(void);
/* Reads a meter of all harts into *value, which is 0. WK_NOT_AVAILABLE in a kernel without meters. */
enum wk_status meter_read(enum wk_meter meter, uint64_t operation, bool reset, uint64_t *value);
#else
static inline void meter_entered(void) {}
static inline void meter_invocation(void) {}
static inline void meter_operation(struct thread *thread, unsigned index)
{
    (void)thread;
    (void)index;
}
static inline void meter_operation_done(const struct thread *thread)
{
    (void)thread;
}
static inline void meter_step_begins(void) {}
static inline void meter_step_done(const struct thread *thread)
{
    (void)thread;
}
static inline void meter_event_begins(void) {}
static inline void meter_event_done(void) {}
static inline void meter_entry_begins(struct thread *worker)
{
    (void)worker;
}
static inline void meter_entry_done(const struct thread *worker)
{
    (void)worker;
}
static inline void meter_left(void) {}
static inline void meter_first_user(void) {}
static inline void meter_lock_taken(void) {}
static inline void meter_lock_released(void) {}
static inline void meter_lock_waits(void) {}
static inline enum wk_status meter_read(enum wk_meter meter, uint64_t operation, bool reset, uint64_t *value)
{
    (void)meter;
    (void)operation;
    (void)reset;
    (void)value;
    return WK_NOT_AVAILABLE;
}
#endif

#endif
