/* SPDX-License-Identifier: MIT */
/* What distinguishes the builds: debug checks more, measure keeps the kernel's meters. Everything else is the same. */
#ifndef CONFIG_H
#define CONFIG_H

#ifdef WINKLE_DEBUG
#define CONFIG_DEBUG 1
#else
#define CONFIG_DEBUG 0
#endif

/* Of a function in a file that is compiled to be fast (KERNEL_HOT): it is run so rarely, or does so much at once, that it
 * is to be small instead. */
#define SMALL __attribute__((cold))

#ifdef WINKLE_MEASURE
#define CONFIG_MEASURE 1
#else
#define CONFIG_MEASURE 0
#endif

/* Of a function beside the straight path: never inlined into it, and compiled for size. */
#define SLOW_PATH __attribute__((noinline, cold))

#endif
