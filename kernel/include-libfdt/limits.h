/* SPDX-License-Identifier: MIT */
/* What libfdt expects of <limits.h>. */
#ifndef INCLUDE_LIBFDT_LIMITS_H
#define INCLUDE_LIBFDT_LIMITS_H

#define INT_MAX __INT_MAX__
#define UINT_MAX (INT_MAX * 2U + 1U)

#endif
