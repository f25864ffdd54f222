/* SPDX-License-Identifier: MIT */
/* What the device tree's nodes mean to the kernel: a file for each group of them, put together by machine.c. */
#ifndef TREE_NODES_H
#define TREE_NODES_H

#include "device_tree.h"

#include "boot.h"

/* Adds [start, end) if it is not empty; panics if there is no room. */
void range_add(struct boot_range *ranges, unsigned *count, unsigned limit, uint64_t start, uint64_t end);
bool range_overlaps(const struct boot_range *ranges, unsigned count, uint64_t start, uint64_t end);
/* A node without `status` is in order. */
bool node_is_okay(const struct device_node *node);

/* tree_memory.c */
void tree_memory_node(const struct device_node *node);
void tree_reserved_node(const struct device_node *node);
void tree_chosen_node(const struct device_node *node);
/* After the walk: fills in what boot_information says of memory. */
void tree_memory_finish(const void *tree);
bool tree_memory_overlaps(uint64_t start, uint64_t end);
/* RAM that the kernel does not use, since it is not contiguous with the kernel's. */
uint64_t tree_memory_elsewhere(void);

/* tree_harts.c */
void tree_cpus_node(const struct device_node *node);
enum device_place tree_cpu_node(const struct device_node *node);
void tree_cpu_child_node(const struct device_node *node);
/* Identifies the boot hart in lists of interrupts; 0 if its node told nothing. */
uint64_t tree_boot_hart_phandle(void);

/* tree_devices.c */
void tree_device_node(const struct device_node *node);
/* Nobody may claim [start, end). */
void tree_keep(uint64_t start, uint64_t end);
/* After the walk: finds the boot hart's context of the interrupt controller. */
void tree_devices_finish(void);

#endif
