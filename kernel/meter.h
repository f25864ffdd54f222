/* SPDX-License-Identifier: MIT */
/*
 * The kernel's meter of how long interrupts are off, in builds that measure. A stretch begins where the kernel is entered
 * and ends where it is left, or at a preemption point, where interrupts that wait are taken. Instructions spent in
 * firmware are kept apart. The harts of an emulator that counts instructions take turns, and share one counter: a stretch in
 * which another hart had its turn tells nothing, and is left out.
 */
#ifndef METER_H
#define METER_H

#include "hart.h"

#ifdef WINKLE_MEASURE
void meter_entered(void);
void meter_invocation(void);
void meter_left(void);
void meter_first_user(void);
void meter_lock_taken(void);
void meter_lock_released(void);
void meter_lock_waits(void);
/* Reads a meter of all harts into *value, which is 0. WK_NOT_AVAILABLE in a kernel without meters. */
enum wk_status meter_read(enum wk_meter meter, bool reset, uint64_t *value);
#else
static inline void meter_entered(void) {}
static inline void meter_invocation(void) {}
static inline void meter_left(void) {}
static inline void meter_first_user(void) {}
static inline void meter_lock_taken(void) {}
static inline void meter_lock_released(void) {}
static inline void meter_lock_waits(void) {}
static inline enum wk_status meter_read(enum wk_meter meter, bool reset, uint64_t *value)
{
    (void)meter;
    (void)reset;
    (void)value;
    return WK_NOT_AVAILABLE;
}
#endif

#endif
