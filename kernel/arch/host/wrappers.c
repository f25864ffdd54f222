/* SPDX-License-Identifier: MIT */
/* Where the operations' wrappers are. */
#include "wrappers.h"

#include "invoke.h"

#define ENTRY(name) (arch_code)(name),

const arch_code operation_wrappers[] = {OPERATION_WRAPPERS(ENTRY)};
