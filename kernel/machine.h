/* SPDX-License-Identifier: MIT */
#ifndef MACHINE_H
#define MACHINE_H

#include "object.h"

struct memory;

/* The one object of its type; boot gives the first process its capability. */
struct object *machine_object(void);

/* A step of the end of a memory object of device memory: its region may be claimed again when no hart can reach it any
 * more; WK_CONTINUE until then. Called by memory_dismantle. */
enum wk_status machine_region_dismantle(struct memory *memory);

#endif
