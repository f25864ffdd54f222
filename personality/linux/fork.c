/* SPDX-License-Identifier: MIT */
/*
 * fork: the child is a process with the same handles (process: clone_table), a copy-on-write clone of the arena, which has the
 * personality's data too, and one thread, which goes on where the parent's captured itself. Whatever is the child's alone, as its own
 * process, thread and frames, is made before the table is copied, so it has the same handles there; each then deletes what is the
 * other's. Its session and page are given to it afterwards.
 */
#include "fork.h"

#include "calls.h"
#include "files.h"
#include "loan.h"
#include "locks.h"
#include "memory.h"
#include "signals.h"
#include "spares.h"
#include "threads.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/posix.h>
#include <winkle/process.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#include <linux/sched.h>

#define FRAMES_BYTES (WK_FRAME_BYTES + sizeof(struct entry_frame))

/* What is known when the arena has been cloned already, by the child's handles: it lies in the page of the frames, behind the first. */
struct given {
    wk_handle session, page;
};
_Static_assert(sizeof(struct entry_frame) + sizeof(struct given) <= WK_FRAME_BYTES, "it lies between the two");

/* linux.ld */
extern const char image_text[], image_data[];

/* What is the child's, by handles that are the same in both. The arena's is not known before it is cloned, so the child is told it
 * by a register. */
struct birth {
    struct capture capture;
    wk_handle process, thread, children, event, frames;
    uint64_t pid;
    uint64_t priority;
    bool is_lent; /* it has the parent's memory for the time being */
    struct loan loan;
};

static wk_handle image; /* the memory of the personality's code */

void fork_start(wk_handle image_memory)
{
    image = image_memory;
}

/* ---- the parent ---- */

static struct given *given_to(const struct thread *thread)
{
    return (struct given *)(thread_frame_address(thread) + sizeof(struct entry_frame));
}

/* Has the child have what the process service gives it, and its page mapped, for good: not as a loan of this process. */
static enum wk_status give(const struct birth *birth, struct given given)
{
    struct given *there = given_to(current());
    enum wk_status status =
        wk_process_grant(birth->process, given.session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &there->session);

    if (status == WK_OK)
        status = wk_process_grant(birth->process, given.page, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &there->page);
    else
        wk_capability_delete(given.session);
    if (status != WK_OK) {
        wk_capability_delete(given.page);
        return status;
    }
    return wk_process_map(birth->process, there->page, PROCESS_PAGE, 0, 1, WK_PROTECTION_READ);
}

/* Gives the process service capabilities of its own to the child. */
static enum wk_status enter_child(struct birth *birth, uint64_t end_signal)
{
    wk_handle child, thread, children;
    struct given given;
    enum wk_status status =
        wk_capability_dup(birth->process, WK_PROCESS_RIGHT_CONTROL | WK_PROCESS_RIGHT_INSPECT, &child);

    if (status == WK_OK)
        status = wk_capability_dup(birth->thread, WK_THREAD_RIGHT_CONTROL | WK_THREAD_RIGHT_INSPECT, &thread);
    if (status == WK_OK)
        status = wk_capability_dup(birth->children, WK_EVENT_RIGHT_SIGNAL, &children);
    if (status == WK_OK)
        status = wk_posix_fork(linux_process.posix, child, thread, children, end_signal, &given.session, &given.page,
                               &birth->pid);
    return status == WK_OK ? give(birth, given) : status;
}

static enum wk_status make_objects(struct birth *birth)
{
    enum wk_status status = wk_process_create(wk_self.bank, birth->loan.done, LOAN_DONE, &birth->process);

    if (status == WK_OK)
        status = wk_thread_create(birth->process, birth->priority, &birth->thread);
    if (status == WK_OK)
        status = wk_event_create(wk_self.bank, &birth->children);
    if (status == WK_OK)
        status = wk_event_create(wk_self.bank, &birth->event);
    if (status == WK_OK)
        status = wk_memory_create(wk_self.bank, 1, WK_MEMORY_OPTIONS_ON_DEMAND, &birth->frames);
    return status;
}

/* Code and constants, which are the same in all processes. */
static enum wk_status map_image(const struct birth *birth)
{
    return wk_process_clone_mappings(birth->process, (uint64_t)image_text,
                                     (uint64_t)(image_data - image_text) / WK_PAGE_BYTES, image, image);
}

/* What is mapped is mapped through capabilities of the child's, which stay when the parent's go. */
static enum wk_status fill_child(struct birth *birth, uint64_t end_signal, wk_handle *child_arena)
{
    const uint64_t frame = thread_frame_address(current());
    enum wk_status status = memory_make_child_arena(birth->is_lent, child_arena);

    if (status == WK_OK)
        status = wk_process_clone_table(birth->process);
    if (status == WK_OK)
        status = enter_child(birth, end_signal);
    if (status == WK_OK)
        status = wk_memory_copy(birth->frames, 0, current()->frames, 0, FRAMES_BYTES);
    if (status == WK_OK)
        status = map_image(birth);
    if (status == WK_OK)
        status = wk_process_map(birth->process, birth->frames, frame, 0, 1, WK_READ_WRITE);
    if (status == WK_OK)
        status = wk_thread_set_frames(birth->thread, birth->frames, 0, frame);
    if (status == WK_OK)
        status = wk_process_set_upcall(birth->process, (uint64_t)linux_entry, (uint64_t)linux_return);
    if (status == WK_OK)
        status = memory_map_child(birth->process, birth->is_lent, *child_arena);
    if (status == WK_OK && birth->loan.done != 0)
        status = loan_map(&birth->loan, birth->process);
    if (status == WK_OK)
        status = wk_thread_start(birth->thread, (uint64_t)linux_resume, 0, 0, (uint64_t)&birth->capture, *child_arena);
    return status;
}

static void delete_all(const wk_handle *handles, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (handles[i] != 0)
            wk_capability_delete(handles[i]);
    }
}

/* ---- the child ---- */

static void replace(wk_handle *handle, wk_handle with)
{
    wk_capability_delete(*handle);
    *handle = with;
}

/* Everything is as in the parent but what `birth` has. */
static void begin(const struct birth *birth, wk_handle own_arena)
{
    struct thread *self = current();
    const struct given *given = given_to(self);

    wk_self.process = birth->process;
    self->handle = birth->thread;
    memory_begin_child(birth->is_lent, own_arena);
    loan_begin(&birth->loan);
    replace(&self->frames, birth->frames);
    replace(&self->event, birth->event);
    replace(&linux_process.children, birth->children);
    replace(&linux_process.posix, given->session);
    replace(&linux_process.page_memory, given->page);
    linux_lock = (struct wk_lock){0};
    waiters_forget(self);
    descriptors_begin_child();
    spares_forked();
    locks_forget();
    self->tid = (int32_t)linux_process.page->pid;
    linux_process.is_first = false;
    linux_process.alarm_at = linux_process.alarm_interval = 0;
    self->pending = 0;
    self->robust_list = 0;
    self->clear_at_end = 0;
    threads_begin_child();
}

int64_t fork_process(uint64_t flags, uint64_t end_signal, uint64_t stack, uint64_t set_tid, uint64_t clear_tid,
                     uint64_t *child_pid)
{
    struct birth birth = {.priority = linux_process.priority}; /* on the stack, which both store to in any case */
    wk_handle child_arena = 0;
    uint64_t resumed;
    enum wk_status status;

    resumed = linux_capture(&birth.capture);
    if (resumed != 0) {
        begin(&birth, resumed);
        if (stack != 0)
            current()->frame->context.sp = stack;
        if (clear_tid != 0)
            current()->clear_at_end = clear_tid;
        if (set_tid != 0)
            copy_out(set_tid, &current()->tid, sizeof(int32_t));
        return 0;
    }
    birth.is_lent = (flags & CLONE_VFORK) != 0 && (flags & CLONE_VM) != 0;
    status = (flags & CLONE_VFORK) != 0 ? loan_make(&birth.loan) : WK_OK;
    spares_fork_begins(); /* before the image is cloned, in which they stand */
    if (status == WK_OK)
        status = make_objects(&birth);
    if (status == WK_OK)
        status = fill_child(&birth, end_signal, &child_arena);
    spares_fork_ends();
    if (status != WK_OK && birth.process != 0)
        wk_process_kill(birth.process, 0);
    if (status == WK_OK && birth.loan.done != 0)
        loan_wait(&birth.loan, birth.event);
    loan_end(&birth.loan);
    *child_pid = birth.pid;
    delete_all((const wk_handle[]){birth.process, birth.thread, birth.children, birth.event, birth.frames}, 5);
    if (child_arena != 0)
        wk_capability_delete(child_arena);
    if (status != WK_OK)
        return status == WK_NO_MEMORY || status == WK_TABLE_FULL ? -EAGAIN : error_of(status);
    return (int64_t)*child_pid;
}
