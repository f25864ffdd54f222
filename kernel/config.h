/* SPDX-License-Identifier: MIT */
/* What distinguishes the builds: debug checks more, measure keeps the kernel's meters. Everything else is the same. */
#ifndef CONFIG_H
#define CONFIG_H

#ifdef WINKLE_DEBUG
#define CONFIG_DEBUG 1
#else
#define CONFIG_DEBUG 0
#endif

#ifdef WINKLE_MEASURE
#define CONFIG_MEASURE 1
#else
#define CONFIG_MEASURE 0
#endif

/* Of a function beside the straight path: never inlined into it, and compiled for size. */
#define SLOW_PATH __attribute__((noinline, cold))

#endif
