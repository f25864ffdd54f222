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

/* For functions that the straight path leaves by a jump, so that it needs no frame for them. */
#define NOINLINE __attribute__((noinline))
/* For what is called where each instruction counts, and is small. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* For functions in files that are compiled to be fast (KERNEL_HOT): compiled for size all the same. */
#define SMALL __attribute__((cold))
/* The same, and never inlined into the straight path that it stands beside. */
#define SLOW_PATH __attribute__((noinline, cold))

#endif
