/* SPDX-License-Identifier: MIT */
/* Alarms of processes: one timer of the kernel stands for all of them, set to the earliest. */
#ifndef POSIX_ALARMS_H
#define POSIX_ALARMS_H

#include "process.h"

struct alarm_times {
    uint64_t at, interval, overruns;
};

/* Sets the process's alarm of that number, or takes it away if `at` is 0; *earlier is what it was. WK_NO_MEMORY: there is no
 * room. */
enum wk_status alarm_set(struct process *process, uint64_t number, const struct alarm_times *times, uint64_t signal,
                         uint64_t value, struct alarm_times *earlier);
/* Sends what is due. */
void alarms_run(uint64_t now_ns);
void alarms_drop(struct process *process);

#endif
