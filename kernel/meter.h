/* SPDX-License-Identifier: MIT */
/*
 * The kernel's meter of how long interrupts are off, in builds that measure. A stretch begins where the kernel is entered
 * and ends where it is left, or at a preemption point, where interrupts that wait are taken. Instructions spent in
 * firmware are kept apart.
 */
#ifndef METER_H
#define METER_H

#include "hart.h"

#ifdef WINKLE_MEASURE
void meter_entered(void);
void meter_invocation(void);
void meter_left(void);
void meter_first_user(void);
#else
static inline void meter_entered(void)
{
}
static inline void meter_invocation(void)
{
}
static inline void meter_left(void)
{
}
static inline void meter_first_user(void)
{
}
#endif

#endif
