/* SPDX-License-Identifier: MIT */
/* The threads of the process. */
#ifndef LINUX_THREADS_H
#define LINUX_THREADS_H

#include "linux.h"

#define CALL_STACK_PAGES 4
#define FAULT_STACK_PAGES 4
#define THREAD_STACK_PAGES (CALL_STACK_PAGES + FAULT_STACK_PAGES)

/* Makes the record of a thread, its frames and stacks, but not the kernel's thread. NULL: no memory.
 * @frames_address: where the frames are to lie; 0: anywhere. */
struct thread *thread_make(uint64_t frames_address);
/* Undoes it, for a thread that does not run. */
void thread_release(struct thread *thread);
/* Names the thread's frames to the kernel, which has it as `handle`. */
enum wk_status thread_set_frames(const struct thread *thread, wk_handle handle);
/* The call frame's address. */
uint64_t thread_frame_address(const struct thread *thread);

/* For clone: has linux_leave make a thread more, by thread_begin_clone, from the calling one's registers. */
int64_t thread_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls, uint64_t child_tid);
/* Its number or an error. */
int64_t thread_begin_clone(struct entry_frame *frame);
/* Ends the calling thread, and the process with that status if it is the last one. */
__attribute__((noreturn)) void thread_end(uint32_t wait_status);
/* Ends all others: for execve, and a process's end. */
void threads_end_others(void);
/* In a child of fork: the others stayed with the parent. */
void threads_begin_child(void);
/* What its end tells: clears its word for set_tid_address and wakes who waits for it. */
void thread_tell_end(struct thread *thread);

#endif
