/* SPDX-License-Identifier: MIT */
/* What the service does to processes and for them by the capabilities that it has of them. What fails, because a process
 * has ended or gave away less than it should, is that process's loss. */
#ifndef POSIX_EFFECTS_H
#define POSIX_EFFECTS_H

#include "process.h"

/* It gets a page. */
enum wk_status effect_make_page(struct process *process);
/* Nobody else has the page any more: it is kept for another process. */
void effect_keep_page(struct process *process);
/* Its page says what is so now. */
void effect_page(struct process *process);
/* Its thread is interrupted. */
void effect_interrupt(struct process *process);
/* Bit 0 of its event is signalled. */
void effect_news(struct process *process);
void effect_suspend(struct process *process);
void effect_resume(struct process *process);
/* It is killed soon; or in a second, if it has not ended by then. */
void effect_kill(struct process *process);
void effect_kill_later(struct process *process);
/* Processor time that it has used so far, as far as that is known. */
uint64_t effect_usage(struct process *process);
/* Whether its thread waits in an operation. */
bool effect_is_waiting(const struct process *process);
/* The status by which it ended, if it did not say: as `waitpid` tells it. */
uint64_t effect_end_status(struct process *process);
/* All of its capabilities are deleted, its page is kept, and who watched it is told. */
void effect_release(struct process *process);
/* An event is signalled; it is deleted. */
void effect_signal_event(wk_handle event, uint64_t bits);
void effect_delete(wk_handle handle);
/* The service is told when that time has come; UINT64_MAX: never. */
void effect_set_timer(uint64_t at_ns);

#endif
