/* SPDX-License-Identifier: MIT */
/* What stands behind device numbers. */
#ifndef LINUX_DEVICES_H
#define LINUX_DEVICES_H

#include "files.h"

/* Opens the device that a node stands for; the node's session is given over. 0 or an error. */
int64_t device_open(wk_handle node, uint64_t device, uint32_t flags, struct file **file);
/* Random bytes, as good as the machine has them. */
void device_random(void *to, uint64_t bytes);

#endif
