/* SPDX-License-Identifier: MIT */
/* The part of effects.c that the service's program sees. */
#ifndef POSIX_KERNEL_EFFECTS_H
#define POSIX_KERNEL_EFFECTS_H

#include "alarms.h"
#include "effects.h"

#include <winkle/session_server.h>

/* Makes what they need; what is to be done later comes with bits of that event. */
enum wk_status effects_prepare(wk_handle event);
void effects_signalled(struct wk_session_server *server, uint64_t bits);

#endif
