/* SPDX-License-Identifier: MIT */
#ifndef FP_H
#define FP_H

#include "arch/arch.h"

/* fp.S: f0 to f31 and fcsr. The one requires that the unit is dirty; the other turns it on. It is clean then. */
void fp_save(struct arch_context *context);
void fp_load(struct arch_context *context);

/* After an illegal instruction: true if it may be the thread's first for floating point, and is to be tried again. */
bool fp_first_use(struct arch_context *context);

#endif
