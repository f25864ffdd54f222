/* SPDX-License-Identifier: MIT */
/*
 * Job control. Which process is of which group and session the process service knows; here are but two numbers. Signals are
 * noted while a byte is worked on and sent when that is done.
 */
#include "terminal.h"

#include <winkle/posix.h>

#define CODE_KERNEL 0x80 /* Linux's SI_KERNEL */

static wk_handle posix;
static uint64_t noted; /* bits of signals */

void jobs_start(wk_handle session)
{
    posix = session;
}

bool jobs_is_background(uint64_t group)
{
    return group != 0 && terminal.foreground != 0 && group != terminal.foreground;
}

void jobs_signal(enum tty_signal signal)
{
    noted |= UINT64_C(1) << signal;
}

/* That there is nobody any more is nobody's loss. */
void jobs_send_signals(void)
{
    for (uint64_t signal = 1; noted != 0; signal++) {
        const uint64_t bit = UINT64_C(1) << signal;

        if ((noted & bit) != 0 && posix != 0 && terminal.foreground != 0)
            wk_posix_signal_group(posix, terminal.foreground, signal, CODE_KERNEL);
        noted &= ~bit;
    }
}
