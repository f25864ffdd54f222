/* SPDX-License-Identifier: MIT */
/* Offsets of C structures, for assembly: the build turns each line `->NAME VALUE` into `#define NAME VALUE`. */
#include "budget.h"
#include "endpoint.h"
#include "hart.h"
#include "invoke.h"
#include "lock.h"
#include "process.h"
#include "ring.h"
#include "thread.h"
#include "trap.h"

#include <winkle/frame.h>
#include <winkle/message.h>

#define CONSTANT(name, value) __asm__ volatile("->" #name " %0" ::"i"(value))

_Static_assert(WK_OPERATION_FIRST % 32 == 0 && OPERATION_SLOTS % 32 == 0, "one shift finds the table");

void offsets(void);

void offsets(void)
{
    CONSTANT(HART_USER_T, offsetof(struct hart, arch.user_t));
    CONSTANT(HART_USER_TP, offsetof(struct hart, arch.user_tp));
    CONSTANT(HART_LOCK, offsetof(struct hart, arch.lock));
    CONSTANT(HART_OPERATIONS, offsetof(struct hart, arch.operations));
    CONSTANT(HART_HARTID, offsetof(struct hart, arch.hartid));
    CONSTANT(HART_STACK_END, offsetof(struct hart, arch.stack_end));
    CONSTANT(HART_EMERGENCY_STACK_END, offsetof(struct hart, arch.emergency_stack_end));
    CONSTANT(HART_PANICKING, offsetof(struct hart, arch.panicking));
    CONSTANT(HART_KERNEL_REGISTERS, offsetof(struct hart, panic.registers));
    CONSTANT(HART_CURRENT, offsetof(struct hart, current));
    CONSTANT(HART_INVOCATION, offsetof(struct hart, invocation));
    CONSTANT(HART_PROCESS, offsetof(struct hart, invocation.process));
    CONSTANT(HART_CAPABILITY, offsetof(struct hart, invocation.capability));
    CONSTANT(HART_HANDLE, offsetof(struct hart, invocation.handle));
    CONSTANT(HART_OPERATION, offsetof(struct hart, invocation.operation));
    CONSTANT(HART_LEFT, offsetof(struct hart, left));
    CONSTANT(HART_ATTENTION, offsetof(struct hart, attention));
    CONSTANT(HART_TICKET, offsetof(struct hart, ticket));
    CONSTANT(HART_BIT, offsetof(struct hart, bit));
    CONSTANT(HART_PAYER, offsetof(struct hart, payer));
    CONSTANT(HART_POOL, offsetof(struct hart, pool));
    CONSTANT(HART_SLICE, offsetof(struct hart, slice_ns));
    CONSTANT(HART_SLICE_THREAD, offsetof(struct hart, slice_thread));
    CONSTANT(HART_CHARGED, offsetof(struct hart, charged_ns));
    CONSTANT(HART_NS_PER_TICK, offsetof(struct hart, arch.ns_per_tick));
    CONSTANT(HART_READY, offsetof(struct hart, ready.list));
    CONSTANT(HART_READY_BITS, offsetof(struct hart, ready.bits));
    CONSTANT(PRIORITIES, PRIORITIES);
    CONSTANT(HART_URGENT, offsetof(struct hart, urgent.root));
    CONSTANT(HART_SPACE, offsetof(struct hart, space));
    CONSTANT(LOCK_SERVING, offsetof(struct kernel_lock, serving));
    CONSTANT(TRAP_SWITCHED, TRAP_SWITCHED);
    CONSTANT(ANSWERED, WK_ANSWERED);
    CONSTANT(SWITCHED, (int)WK_SWITCHED);
    CONSTANT(SWITCHED_OK, (int)WK_SWITCHED_OK);
    CONSTANT(OPERATION_FIRST, WK_OPERATION_FIRST);
    CONSTANT(OPERATION_GROUPS, OPERATION_SLOTS >> 5);
    CONSTANT(HART_SERVING, offsetof(struct hart, arch.serving));
    CONSTANT(NEEDS_BYTES, (OPERATION_SLOTS + 1) * sizeof(operation_needs[0]));
    CONSTANT(CAPABILITY_OBJECT, offsetof(struct capability, object));
    CONSTANT(CAPABILITY_GENERATION, offsetof(struct capability, generation));
    CONSTANT(CAPABILITY_WORD, offsetof(struct capability, word));
    CONSTANT(CAPABILITY_KEY, offsetof(struct capability, key));
    CONSTANT(CAPABILITY_SHIFT, __builtin_ctz(sizeof(struct capability)));
    CONSTANT(CAPABILITY_PAGE_SHIFT, __builtin_ctz(CAPABILITIES_PER_PAGE));
    CONSTANT(CAPABILITY_DIRECTORY_SHIFT, __builtin_ctz(CAPABILITIES_PER_PAGE * CAPABILITY_PAGES_PER_DIRECTORY));
    CONSTANT(DIRECTORIES, CAPABILITY_DIRECTORIES);
    CONSTANT(HANDLE_INDEX_SHIFT, HANDLE_INDEX_BITS);
    CONSTANT(PROCESS_DIRECTORY, offsetof(struct process, table.directory));
    CONSTANT(OBJECT_STATE, offsetof(struct object, state));
    CONSTANT(HART_WORDS, offsetof(struct hart, invocation.words));
    CONSTANT(HART_ARGUMENTS, offsetof(struct hart, invocation.arguments));
    CONSTANT(HART_USER_RA, offsetof(struct hart, arch.user_ra));
    CONSTANT(HART_USER_SP, offsetof(struct hart, arch.user_sp));

    CONSTANT(THREAD_X, offsetof(struct thread, context.x));
    CONSTANT(THREAD_CALL_FRAME, offsetof(struct thread, call_frame));
    CONSTANT(THREAD_CALL_FRAME_ADDRESS, offsetof(struct thread, call_frame_address));
    CONSTANT(THREAD_PROCESS, offsetof(struct thread, process));
    CONSTANT(THREAD_CALL_SLOT, offsetof(struct thread, call_slot));
    CONSTANT(THREAD_RECEIVE_SLOT, offsetof(struct thread, receive_slot));
    CONSTANT(CACHE_HANDLE, offsetof(struct slot_cache, handle));
    CONSTANT(CACHE_SLOT, offsetof(struct slot_cache, slot));
    CONSTANT(CACHE_KEY, offsetof(struct slot_cache, key));
    CONSTANT(THREAD_QUICK_SLOT, offsetof(struct thread, quick_slot));
    CONSTANT(THREAD_BUDGET, offsetof(struct thread, budget));
    CONSTANT(THREAD_PRIORITY, offsetof(struct thread, priority));
    CONSTANT(THREAD_PLACE, offsetof(struct thread, place));
    CONSTANT(THREAD_READY_LINK, offsetof(struct thread, ready_link));
    CONSTANT(THREAD_WAIT_LINK, offsetof(struct thread, wait_link));
    CONSTANT(THREAD_WAIT_MASK, offsetof(struct thread, wait_mask));
    CONSTANT(THREAD_WAIT_EVENT, offsetof(struct thread, wait_event));
    CONSTANT(THREAD_WAIT_HANDLE, offsetof(struct thread, wait_handle));
    CONSTANT(THREAD_WAIT_UNTIL, offsetof(struct thread, wait_until_ns));
    CONSTANT(THREAD_LATCHED, offsetof(struct thread, interrupt_latched));
    CONSTANT(WAITER_MAY_HAVE, THREAD_OBSTACLES(0, HINDERED_BY_DEADLINE) >> 16);
    CONSTANT(WAIT_KEY_PAST, SLOT_CACHE_WAIT_PAST);
    CONSTANT(THREAD_USED, offsetof(struct thread, used_ns));
    CONSTANT(THREAD_STEP, offsetof(struct thread, operation.step));
    CONSTANT(PLACE_READY, THREAD_READY);
    CONSTANT(STOP_WAITING, THREAD_WAITING);
    CONSTANT(NOT_STRAIGHT, THREAD_OBSTACLES(0xff, HINDERED_STRAIGHT | HINDERED_BY_FP) >> 16);
    CONSTANT(BUDGET_POOL, offsetof(struct budget, pool));
    CONSTANT(BUDGET_DEADLINE, offsetof(struct budget, relative_deadline_ns));
    CONSTANT(BUDGET_USED, offsetof(struct budget, used_ns));
    CONSTANT(EVENT_PENDING, offsetof(struct event, pending));
    CONSTANT(EVENT_WAITERS, offsetof(struct event, waiters));
    CONSTANT(EVENT_WAITER_COUNT, offsetof(struct event, waiter_count));
    CONSTANT(EVENT_ENDPOINT, offsetof(struct event, endpoint));
    CONSTANT(OBJECT_TYPE, offsetof(struct object, type));
    CONSTANT(TYPE_EVENT, WK_TYPE_EVENT);
    CONSTANT(TYPE_SESSION, WK_TYPE_SESSION);
    CONSTANT(THREAD_DEPTH, offsetof(struct thread, depth));
    CONSTANT(THREAD_STOP, offsetof(struct thread, stop));
    CONSTANT(THREAD_HINDRANCE, offsetof(struct thread, hindrance));
    CONSTANT(THREAD_HART, offsetof(struct thread, hart));
    CONSTANT(THREAD_CALLER, offsetof(struct thread, calls.caller));
    CONSTANT(THREAD_CALLEE, offsetof(struct thread, calls.callee));
    CONSTANT(THREAD_BADGE, offsetof(struct thread, calls.badge));
    CONSTANT(THREAD_IS_WORKER, offsetof(struct thread, is_worker));
    CONSTANT(STOP_WORKER_CALLING, THREAD_OBSTACLES(THREAD_CALLING, HINDERED_BY_SPACE) >> 16);
    CONSTANT(FOLLOWER_OBSTACLES, THREAD_OBSTACLES(THREAD_CREATED, HINDERED_BY_SPACE));
    CONSTANT(WORK_RING, offsetof(struct thread, work.ring));
    CONSTANT(WORK_LINK, offsetof(struct thread, work.link));
    CONSTANT(WORK_STATE, offsetof(struct thread, work.state));
    CONSTANT(WORK_TAG, offsetof(struct thread, work.tag));
    CONSTANT(WORK_FOLLOWS, offsetof(struct thread, work.follows));
    CONSTANT(RING_COMPLETIONS, offsetof(struct ring, completions));
    CONSTANT(RING_EXECUTOR, offsetof(struct ring, executor));
    CONSTANT(RING_FREE, offsetof(struct ring, free));
    CONSTANT(RING_OWED, offsetof(struct ring, owed));
    CONSTANT(RING_TELLS_AT, offsetof(struct ring, tells_at));
    CONSTANT(SIDE_KERNEL_LINE, offsetof(struct ring_side, kernel_line));
    CONSTANT(SIDE_INDEX, offsetof(struct ring_side, index));
    CONSTANT(SIDE_AT, offsetof(struct ring_side, at));
    CONSTANT(SIDE_END, offsetof(struct ring_side, end));
    CONSTANT(THREAD_SERVING, offsetof(struct thread, calls.serving));
    CONSTANT(STOP_CALLING, THREAD_CALLING);
    CONSTANT(STOP_FAULTING, THREAD_FAULTING);
    CONSTANT(STOP_RECEIVING, THREAD_RECEIVING);
    CONSTANT(DEPTH_MAX, WK_CALL_DEPTH_MAX);
    CONSTANT(SESSION_ENDPOINT, offsetof(struct session, endpoint));
    CONSTANT(SESSION_BADGE, offsetof(struct session, badge));
    CONSTANT(ENDPOINT_READY, offsetof(struct endpoint, ready));
    CONSTANT(SERVING_CALLERS,
             (int64_t)offsetof(struct endpoint, callers.first) - (int64_t)offsetof(struct endpoint, serving));
    CONSTANT(SERVING_READY, (int64_t)offsetof(struct endpoint, ready) - (int64_t)offsetof(struct endpoint, serving));
    CONSTANT(PROCESS_SPACE, offsetof(struct process, space));
    CONSTANT(PROCESS_HARTS, offsetof(struct process, space.harts));
    CONSTANT(PROCESS_SWITCH_WORD, offsetof(struct process, space.switch_word));
    CONSTANT(QUICK_REPLY_RECEIVE, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK);
    CONSTANT(QUICK_SHIFT, __builtin_ctzll(WK_MESSAGE_QUICK));
    CONSTANT(QUICK_SIGNAL, WK_EVENT_SIGNAL | WK_MESSAGE_QUICK);
    CONSTANT(QUICK_SIGNAL_WAIT, WK_EVENT_SIGNAL_WAIT | WK_MESSAGE_QUICK);
    CONSTANT(QUICK_YIELD, WK_THREAD_YIELD | WK_MESSAGE_QUICK);
    CONSTANT(PROCESS_UPCALL_ENTRY, offsetof(struct process, upcall_entry));
    CONSTANT(PROCESS_UPCALL_RETURN, offsetof(struct process, upcall_return));

    CONSTANT(FRAME_PC, offsetof(struct wk_frame, pc));
    CONSTANT(FRAME_T0, offsetof(struct wk_frame, t0));
    CONSTANT(FRAME_BUSY, offsetof(struct wk_frame, busy));
    CONSTANT(FRAME_FULL, offsetof(struct wk_frame, full));
    CONSTANT(FRAME_CAUSE, offsetof(struct wk_frame, cause));
    CONSTANT(FRAME_DETAIL, offsetof(struct wk_frame, detail));
    CONSTANT(FRAME_INTERRUPT_PENDING, offsetof(struct wk_frame, interrupt_pending));

    CONSTANT(CONTEXT_F, offsetof(struct arch_context, f));
    CONSTANT(CONTEXT_FCSR, offsetof(struct arch_context, fcsr));
    CONSTANT(CONTEXT_FP_STATE, offsetof(struct arch_context, fp_state));
    CONSTANT(HART_FP_CONTEXT, offsetof(struct hart, arch.fp_context));
    CONSTANT(THREAD_CONTEXT, offsetof(struct thread, context));
    CONSTANT(OBSTACLE_FP, THREAD_OBSTACLES(0, HINDERED_BY_FP));
}

/* Loads and stores reach 2047 bytes. */
_Static_assert(offsetof(struct hart, meters) < 2048 && offsetof(struct process, upcall_return) < 2048,
               "assembly reaches these fields by an immediate offset");
_Static_assert(OBJECT_LIVE == 0 && sizeof(arch_code) == 4 && sizeof(struct capability) == 64,
               "assembly shifts by these sizes and tests for zero");
_Static_assert(offsetof(struct thread, depth) % 4 == 0 &&
                   offsetof(struct thread, stop) == offsetof(struct thread, depth) + 2 &&
                   offsetof(struct thread, hindrance) == offsetof(struct thread, depth) + 3 &&
                   offsetof(struct thread, calls) < 1900,
               "assembly reads and writes them as one word");
_Static_assert(offsetof(struct object, type) % 2 == 0 &&
                   offsetof(struct object, state) == offsetof(struct object, type) + 1,
               "assembly reads them as one");
_Static_assert(WK_UPCALL_CAUSE_FOREIGN_CALL == 0, "assembly stores zero for this cause");
