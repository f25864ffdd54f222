/* SPDX-License-Identifier: MIT */
/* What the device tree says of the console's serial port, and of the clock. */
#ifndef DEVICES_TREE_H
#define DEVICES_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct port {
    const char *driver; /* the program that drives it */
    uint64_t address, bytes;
    uint64_t line;   /* its interrupt line */
    uint64_t stride; /* bytes between its registers */
};

/* Finds the port that the tree names as the console. NULL, or why there is none that can be driven. */
const char *tree_find_console(const void *tree, uint64_t bytes, struct port *port);

/* Finds a clock of the time of day that there is a driver for; its line and stride are of no use. */
bool tree_find_clock(const void *tree, uint64_t bytes, struct port *port);

#endif
