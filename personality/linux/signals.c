/* SPDX-License-Identifier: MIT */
/*
 * Signals that other processes send wait at the process service until this process takes them (posix: take_signals); its page says
 * which there are. Signals of the process's own making wait here, by thread. Handlers run on the program's stack, with a frame as
 * Linux makes it on RISC-V: a siginfo, then a ucontext.
 */
#include "signals.h"

#include "calls.h"
#include "end.h"
#include "files.h"

#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/posix.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#include <linux/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#define UNBLOCKABLE (SIGNAL_BIT(SIGNAL_KILL) | SIGNAL_BIT(SIGNAL_STOP))
#define SET_BYTES sizeof(uint64_t)

/* As rt_sigaction has it on RISC-V. */
struct action {
    uint64_t handler, flags, mask;
};

struct handler_frame {
    struct siginfo info;
    struct ucontext context;
};
_Static_assert(offsetof(struct sigcontext, sc_fpregs) == SIGCONTEXT_F &&
                   offsetof(struct sigcontext, sc_fpregs.d.fcsr) == SIGCONTEXT_FCSR &&
                   sizeof(struct sigcontext) == SIGCONTEXT_EXTENSIONS + 12,
               "SIGCONTEXT_...");
/* What it begins with, up to the registers and what is left free before them. */
#define HANDLER_HEAD_BYTES (offsetof(struct handler_frame, context.uc_sigmask) + SET_BYTES)
#define HANDLER_REGISTERS offsetof(struct handler_frame, context.uc_mcontext)

static struct action actions[SIGNAL_MAX + 1];
static struct signal_info infos[SIGNAL_MAX + 1]; /* of those that wait here */

enum default_action { DEFAULT_END, DEFAULT_IGNORE, DEFAULT_STOP };

static enum default_action default_of(int signal)
{
    switch (signal) {
    case SIGNAL_CHLD:
    case SIGNAL_CONT:
    case SIGNAL_URG:
    case SIGNAL_WINCH:
        return DEFAULT_IGNORE;
    case SIGNAL_STOP:
    case SIGNAL_TSTP:
    case SIGNAL_TTIN:
    case SIGNAL_TTOU:
        return DEFAULT_STOP;
    default:
        return DEFAULT_END;
    }
}

bool signal_is_ignored(int signal)
{
    const uint64_t handler = actions[signal].handler;

    return handler == (uint64_t)SIG_IGN || (handler == (uint64_t)SIG_DFL && default_of(signal) == DEFAULT_IGNORE);
}

/* The process service is told what children of this process are to leave and to tell, if that has changed. */
static void tell_of_children(uint64_t handler_before, uint64_t flags_before)
{
    const struct action *action = &actions[SIGNAL_CHLD];
    const bool no_zombies = action->handler == (uint64_t)SIG_IGN || (action->flags & SA_NOCLDWAIT) != 0;
    const bool had_none = handler_before == (uint64_t)SIG_IGN || (flags_before & SA_NOCLDWAIT) != 0;

    if (no_zombies != had_none || ((action->flags ^ flags_before) & SA_NOCLDSTOP) != 0)
        wk_posix_set_ignored(linux_process.posix, 0, no_zombies, (action->flags & SA_NOCLDSTOP) != 0);
}

/* What is so already is not stored: after a fork a store may cost a copy of the page. */
void signals_for_program(void)
{
    const uint64_t handler = actions[SIGNAL_CHLD].handler, flags = actions[SIGNAL_CHLD].flags;

    for (int signal = 1; signal <= SIGNAL_MAX; signal++) {
        struct action *action = &actions[signal];

        if (action->handler != (uint64_t)SIG_IGN && (action->handler | action->flags | action->mask) != 0)
            *action = (struct action){0};
    }
    tell_of_children(handler, flags);
    current()->alternate = current()->alternate_bytes = 0;
}

/* ---- what is pending ---- */

/*
 * SIGCHLD, where it is ignored. It is left with the process service until it is blocked or handled, so that no more of it is told:
 * what ignores it is not interrupted by each of its children's ends.
 */
static uint64_t unheard(void)
{
    return signal_is_ignored(SIGNAL_CHLD) ? SIGNAL_BIT(SIGNAL_CHLD) : 0;
}

bool signals_pending(void)
{
    const struct thread *self = current();
    const uint64_t held = __atomic_load_n(&linux_process.page->pending, __ATOMIC_RELAXED) & ~self->blocked;

    return (self->pending & ~self->blocked) != 0 || (held != 0 && (held & ~unheard()) != 0);
}

void signal_thread(struct thread *thread, int signal, const struct signal_info *info)
{
    if (signal_is_ignored(signal) && (thread->blocked & SIGNAL_BIT(signal)) == 0)
        return;
    infos[signal] = *info;
    __atomic_fetch_or(&thread->pending, SIGNAL_BIT(signal), __ATOMIC_SEQ_CST);
    if (thread == current())
        thread->attention |= ATTENTION_SIGNAL;
    else
        wk_thread_interrupt(thread->handle);
}

void signal_self(int signal)
{
    const struct signal_info info = {
        .code = SI_USER, .sender = (int32_t)linux_process.page->pid, .user = linux_process.user};

    signal_thread(current(), signal, &info);
}

int64_t signals_restart(void)
{
    current()->attention |= ATTENTION_SIGNAL;
    return -RESTART;
}

/* Takes the next signal of `wanted`; 0 if there is none. SIGKILL is nobody's wish. */
static int take(uint64_t wanted, struct signal_info *info)
{
    struct thread *self = current();
    uint64_t pending = self->pending & wanted, signal = 0, sender, user, value, code;

    if ((__atomic_load_n(&linux_process.page->pending, __ATOMIC_RELAXED) & SIGNAL_BIT(SIGNAL_KILL)) != 0)
        end_by_signal(SIGNAL_KILL);
    if (pending != 0) {
        const int own = __builtin_ctzll(pending) + 1;

        __atomic_fetch_and(&self->pending, ~SIGNAL_BIT(own), __ATOMIC_SEQ_CST);
        *info = infos[own];
        return own;
    }
    if ((__atomic_load_n(&linux_process.page->pending, __ATOMIC_RELAXED) & wanted) == 0)
        return 0;
    if (wk_posix_take_signals(linux_process.posix, wanted, &signal, &sender, &user, &value, &code) != WK_OK)
        return 0;
    *info = (struct signal_info){(int32_t)code, (int32_t)sender, (uint32_t)user, value};
    return (int)signal;
}

/* ---- handlers ---- */

/* Drops what has been left. */
static void drop_unheard(void)
{
    const uint64_t left = unheard() & ~current()->blocked;
    struct signal_info info;

    while (left != 0 && take(left, &info) != 0)
        continue;
}

static void set_blocked(uint64_t mask)
{
    struct thread *self = current();

    if ((mask & ~self->blocked & SIGNAL_BIT(SIGNAL_CHLD)) != 0)
        drop_unheard();
    self->blocked = mask & ~UNBLOCKABLE;
}

static bool is_on_alternate(uint64_t sp)
{
    const struct thread *self = current();

    return self->alternate_bytes != 0 && sp - self->alternate <= self->alternate_bytes;
}

static void fill_info(struct siginfo *to, int signal, const struct signal_info *info)
{
    memset(to, 0, sizeof(*to));
    to->si_signo = signal;
    to->si_code = info->code;
    if (info->code > 0 && (signal == SIGNAL_SEGV || signal == SIGNAL_BUS || signal == SIGNAL_ILL ||
                           signal == SIGNAL_TRAP || signal == SIGNAL_FPE)) {
        to->si_addr = (void *)info->value;
        return;
    }
    to->si_pid = info->sender;
    to->si_uid = info->user;
    if (signal == SIGNAL_CHLD)
        to->si_status = (int)info->value;
    else
        to->si_value.sival_ptr = (void *)info->value;
}

static void fill_context(struct ucontext *context, const struct wk_frame *frame, uint64_t mask)
{
    context->uc_flags = 0;
    context->uc_link = NULL;
    context->uc_stack.ss_sp = (void *)current()->alternate;
    context->uc_stack.ss_size = current()->alternate_bytes;
    context->uc_stack.ss_flags = current()->alternate_bytes == 0 ? SS_DISABLE
                                 : is_on_alternate(frame->x[2])  ? SS_ONSTACK
                                                                 : 0;
    memcpy(&context->uc_sigmask, &mask, sizeof(mask));
}

/* Has the frame go on in the handler; false if its stack cannot be written. */
static bool enter_handler(struct wk_frame *frame, int signal, const struct signal_info *info)
{
    struct thread *self = current();
    struct action *action = &actions[signal];
    struct handler_frame pushed;
    uint64_t sp = frame->x[2];
    bool was_on_alternate;

    if ((action->flags & SA_ONSTACK) != 0 && self->alternate_bytes != 0 && !is_on_alternate(sp))
        sp = self->alternate + self->alternate_bytes;
    was_on_alternate = is_on_alternate(sp);
    sp = (sp - sizeof(pushed)) & ~UINT64_C(15);
    if (was_on_alternate && !is_on_alternate(sp))
        return false; /* what lies below an alternate stack is no stack */
    fill_info(&pushed.info, signal, info);
    fill_context(&pushed.context, frame, self->has_saved_mask ? self->saved_mask : self->blocked);
    if (copy_out(sp, &pushed, HANDLER_HEAD_BYTES) != 0 || linux_push_registers(sp + HANDLER_REGISTERS, frame) != 0)
        return false;
    self->has_saved_mask = false;
    set_blocked(self->blocked | action->mask | ((action->flags & SA_NODEFER) == 0 ? SIGNAL_BIT(signal) : 0));
    frame->pc = action->handler;
    frame->x[1] = (uint64_t)linux_signal_return;
    frame->x[2] = sp;
    frame->x[10] = (uint64_t)signal;
    frame->x[11] = sp + offsetof(struct handler_frame, info);
    frame->x[12] = sp + offsetof(struct handler_frame, context);
    if ((action->flags & SA_RESETHAND) != 0)
        action->handler = (uint64_t)SIG_DFL;
    return true;
}

/* Whether a handler can be told of a fault that comes of `cause`, which is no handler's own trouble. */
static bool may_tell_fault(int signal, int cause)
{
    const uint64_t handler = actions[signal].handler;

    return signal != cause && (current()->blocked & SIGNAL_BIT(signal)) == 0 && handler != (uint64_t)SIG_IGN &&
           handler != (uint64_t)SIG_DFL;
}

/* Does what is to be done about one signal; true if a handler was entered. A handler whose stack cannot be written is a fault. */
static bool act(struct wk_frame *frame, int signal, const struct signal_info *info)
{
    const struct signal_info no_stack = {.code = SI_KERNEL};

    if (signal_is_ignored(signal))
        return false;
    if (actions[signal].handler != (uint64_t)SIG_DFL) {
        if (enter_handler(frame, signal, info))
            return true;
        if (!may_tell_fault(SIGNAL_SEGV, signal) || !enter_handler(frame, SIGNAL_SEGV, &no_stack))
            end_by_signal(SIGNAL_SEGV);
        return true;
    }
    if (default_of(signal) == DEFAULT_STOP)
        wk_posix_stop(linux_process.posix, (uint64_t)signal);
    else
        end_by_signal(signal);
    return false;
}

/* The call is made once more when the frame goes on. */
static void repeat_call(struct entry_frame *frame)
{
    frame->frame.pc -= 4;
    frame->frame.x[10] = frame->context.a[0];
    frame->frame.x[17] = frame->context.a[7];
}

/* A signal of the process is for any thread that does not block it or waits for it; the process service knows of one only. */
static void pass_on(void)
{
    const uint64_t pending = linux_process.page->pending;
    const struct thread *self = current();

    wk_lock_take(&linux_lock);
    for (const struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next) {
        if (thread != self && (pending & (~thread->blocked | thread->awaited)) != 0) {
            wk_thread_interrupt(thread->handle);
            break;
        }
    }
    wk_lock_release(&linux_lock);
}

/* Of what is pending for the thread, what needs neither a handler nor an end. */
static uint64_t inert(void)
{
    const struct thread *self = current();
    uint64_t left = (self->pending | linux_process.page->pending) & ~self->blocked & ~self->awaited & ~unheard();
    uint64_t found = 0;

    for (; left != 0; left &= left - 1) {
        const int signal = __builtin_ctzll(left) + 1;
        const bool stops = actions[signal].handler == (uint64_t)SIG_DFL && default_of(signal) == DEFAULT_STOP;

        if (stops || signal_is_ignored(signal))
            found |= SIGNAL_BIT(signal);
    }
    return found;
}

bool signals_let_wait(void)
{
    struct thread *self = current();
    struct signal_info info;
    uint64_t mask;

    while ((mask = inert()) != 0) {
        const int signal = take(mask, &info);

        if (signal != 0 && !signal_is_ignored(signal))
            wk_posix_stop(linux_process.posix, (uint64_t)signal);
    }
    if ((linux_process.page->pending & self->blocked) != 0)
        pass_on();
    return !signals_pending() && ((self->pending | linux_process.page->pending) & self->awaited) == 0;
}

void signals_handle(struct entry_frame *frame, int64_t result)
{
    struct thread *self = current();
    bool is_undecided = result == -RESTART || result == -RESTART_IF_UNHANDLED;
    struct signal_info info;
    int signal;

    if ((self->pending & SIGNAL_BIT(SIGNAL_CHLD)) != 0)
        __atomic_fetch_and(&self->pending, ~unheard() | self->blocked, __ATOMIC_SEQ_CST);
    while ((signal = take(~self->blocked & ~unheard(), &info)) != 0) {
        const bool is_handled = !signal_is_ignored(signal) && actions[signal].handler != (uint64_t)SIG_DFL;

        if (is_undecided && is_handled) {
            if (result == -RESTART && (actions[signal].flags & SA_RESTART) != 0)
                repeat_call(frame);
            else
                frame->frame.x[10] = (uint64_t)-EINTR;
            is_undecided = false;
        }
        act(&frame->frame, signal, &info);
    }
    if ((linux_process.page->pending & self->blocked) != 0)
        pass_on();
    if (is_undecided)
        repeat_call(frame);
    if (self->has_saved_mask) {
        self->blocked = self->saved_mask;
        self->has_saved_mask = false;
    }
}

void signal_fault(struct entry_frame *frame, int signal, int32_t code, uint64_t address)
{
    const struct signal_info info = {.code = code, .value = address};

    if ((current()->blocked & SIGNAL_BIT(signal)) != 0 || actions[signal].handler == (uint64_t)SIG_IGN)
        end_by_signal(signal);
    act(&frame->frame, signal, &info);
}

void signals_return(struct entry_frame *frame)
{
    const uint64_t sp = frame->frame.x[2];
    uint64_t mask;

    if (copy_in(&mask, sp + offsetof(struct handler_frame, context.uc_sigmask), SET_BYTES) != 0 ||
        linux_pop_registers(sp + HANDLER_REGISTERS, &frame->frame) != 0)
        end_by_signal(SIGNAL_SEGV);
    set_blocked(mask);
}

/* ---- the calls ---- */

int64_t linux_rt_sigreturn(void)
{
    current()->attention |= ATTENTION_RETURN | ATTENTION_SIGNAL;
    return 0;
}

/* What is ignored from now on is not pending any more, blocked or not. */
static void discard(int signal)
{
    const uint64_t bit = SIGNAL_BIT(signal);
    struct signal_info info;

    wk_lock_take(&linux_lock);
    for (struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next) {
        if ((thread->pending & bit) != 0)
            __atomic_fetch_and(&thread->pending, ~bit, __ATOMIC_SEQ_CST);
    }
    wk_lock_release(&linux_lock);
    while ((linux_process.page->pending & bit) != 0 && take(bit, &info) != 0)
        continue;
}

int64_t linux_rt_sigaction(int signal, uint64_t action, uint64_t before, uint64_t set_bytes)
{
    struct action new, old;

    if (signal < 1 || signal > SIGNAL_MAX || set_bytes != SET_BYTES ||
        (action != 0 && (UNBLOCKABLE & SIGNAL_BIT(signal)) != 0))
        return -EINVAL;
    if (action != 0 && copy_in(&new, action, sizeof(new)) != 0)
        return -EFAULT;
    old = actions[signal];
    if (before != 0 && copy_out(before, &old, sizeof(old)) != 0)
        return -EFAULT;
    if (action == 0)
        return 0;
    new.mask &= ~UNBLOCKABLE;
    if (signal == SIGNAL_CHLD)
        drop_unheard();
    actions[signal] = new;
    if (signal == SIGNAL_CHLD)
        tell_of_children(old.handler, old.flags);
    if (signal_is_ignored(signal))
        discard(signal);
    return 0;
}

int64_t linux_rt_sigprocmask(int how, uint64_t set, uint64_t before, uint64_t set_bytes)
{
    struct thread *self = current();
    uint64_t mask;

    if (set_bytes != SET_BYTES)
        return -EINVAL;
    if (set != 0 && copy_in(&mask, set, sizeof(mask)) != 0)
        return -EFAULT;
    if (before != 0 && copy_out(before, &self->blocked, sizeof(self->blocked)) != 0)
        return -EFAULT;
    if (set == 0)
        return 0;
    switch (how) {
    case SIG_BLOCK:
        mask |= self->blocked;
        break;
    case SIG_UNBLOCK:
        mask = self->blocked & ~mask;
        break;
    case SIG_SETMASK:
        break;
    default:
        return -EINVAL;
    }
    set_blocked(mask);
    if (signals_pending())
        self->attention |= ATTENTION_SIGNAL;
    return 0;
}

int64_t linux_rt_sigpending(uint64_t set, uint64_t set_bytes)
{
    const uint64_t pending = (current()->pending | linux_process.page->pending) & current()->blocked;

    return set_bytes != SET_BYTES ? -EINVAL : copy_out(set, &pending, sizeof(pending));
}

void signals_wait_with(uint64_t mask)
{
    struct thread *self = current();

    self->saved_mask = self->blocked;
    self->has_saved_mask = true;
    set_blocked(mask);
}

void signals_wait_done(void)
{
    struct thread *self = current();

    if (self->has_saved_mask && !signals_pending()) {
        self->blocked = self->saved_mask;
        self->has_saved_mask = false;
    } else if (self->has_saved_mask) {
        self->attention |= ATTENTION_SIGNAL;
    }
}

int64_t linux_rt_sigsuspend(uint64_t set, uint64_t set_bytes)
{
    uint64_t mask;

    if (set_bytes != SET_BYTES)
        return -EINVAL;
    if (copy_in(&mask, set, sizeof(mask)) != 0)
        return -EFAULT;
    signals_wait_with(mask);
    while (!signals_pending()) {
        if (wait_for_event(WK_FOREVER) != 0)
            break;
    }
    signals_restart();
    return -RESTART_IF_UNHANDLED;
}

int64_t linux_rt_sigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t set_bytes)
{
    struct thread *self = current();
    uint64_t wanted, wait_ns, deadline = WK_FOREVER;
    struct signal_info taken;
    struct siginfo filled;
    int64_t result = 0;
    int signal;

    if (set_bytes != SET_BYTES)
        return -EINVAL;
    if (copy_in(&wanted, set, sizeof(wanted)) != 0)
        return -EFAULT;
    if (timeout != 0) {
        result = copy_time_in(timeout, &wait_ns);
        if (result != 0)
            return result;
        deadline = wk_after_ns(wait_ns);
    }
    __atomic_store_n(&self->awaited, wanted, __ATOMIC_SEQ_CST);
    while ((signal = take(wanted, &taken)) == 0) {
        const int64_t waited = wait_for_event(deadline);

        if (waited == -ETIMEDOUT)
            result = -EAGAIN;
        else if (waited != 0 && ((self->pending | linux_process.page->pending) & wanted) == 0)
            result = -RESTART_IF_UNHANDLED;
        if (result != 0)
            break;
    }
    self->awaited = 0;
    if (result != 0)
        return result;
    fill_info(&filled, signal, &taken);
    if (info != 0 && copy_out(info, &filled, sizeof(filled)) != 0)
        return -EFAULT;
    return signal;
}

int64_t linux_sigaltstack(uint64_t stack, uint64_t before)
{
    struct thread *self = current();
    const bool is_on = is_on_alternate(self->frame->context.sp);
    stack_t given, old = {.ss_sp = (void *)self->alternate,
                          .ss_size = self->alternate_bytes,
                          .ss_flags = self->alternate_bytes == 0 ? SS_DISABLE
                                      : is_on                    ? SS_ONSTACK
                                                                 : 0};

    if (stack != 0 && copy_in(&given, stack, sizeof(given)) != 0)
        return -EFAULT;
    if (before != 0 && copy_out(before, &old, sizeof(old)) != 0)
        return -EFAULT;
    if (stack == 0)
        return 0;
    if (is_on)
        return -EPERM;
    if ((given.ss_flags & SS_DISABLE) != 0) {
        self->alternate = self->alternate_bytes = 0;
        return 0;
    }
    if ((given.ss_flags & ~SS_ONSTACK) != 0)
        return -EINVAL;
    if (given.ss_size < MINSIGSTKSZ)
        return -ENOMEM;
    self->alternate = (uint64_t)given.ss_sp;
    self->alternate_bytes = given.ss_size;
    return 0;
}

/* ---- sending ---- */

/* To a process as a whole, by way of the process service, where signals queue. */
static int64_t send(int which, int signal, uint64_t value, int code)
{
    const enum wk_status status =
        wk_posix_kill(linux_process.posix, (uint64_t)(int64_t)which, (uint64_t)signal, value, (uint64_t)(int64_t)code);

    if (status != WK_OK)
        return status == WK_NOT_FOUND ? -ESRCH : status == WK_NO_MEMORY ? -EAGAIN : -EPERM;
    if (signals_pending())
        current()->attention |= ATTENTION_SIGNAL;
    return 0;
}

int64_t linux_kill(int which, int signal)
{
    if (signal < 0 || signal > SIGNAL_MAX)
        return -EINVAL;
    if (which == (int)linux_process.page->pid && signal != 0 && (UNBLOCKABLE & SIGNAL_BIT(signal)) == 0 &&
        signal < SIGNAL_REALTIME && linux_process.threads->next == NULL) {
        signal_self(signal);
        return 0;
    }
    return send(which, signal, 0, SI_USER);
}

/* Of other processes only the first thread is known here. What is to queue is for the only thread as for its process. */
static int64_t signal_one(int group, int tid, int signal, const struct signal_info *info)
{
    const int own = (int)linux_process.page->pid;
    int64_t result = -ESRCH;

    if (tid <= 0 || group <= 0 || signal < 0 || signal > SIGNAL_MAX)
        return -EINVAL;
    if (group != own)
        return tid == group ? send(group, signal, info->value, info->code) : -ESRCH;
    if (signal >= SIGNAL_REALTIME && linux_process.threads->next == NULL && tid == current()->tid)
        return send(own, signal, info->value, info->code);
    wk_lock_take(&linux_lock);
    for (struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next) {
        if (thread->tid != tid)
            continue;
        if (signal != 0)
            signal_thread(thread, signal, info);
        result = 0;
    }
    wk_lock_release(&linux_lock);
    return result;
}

int64_t linux_tgkill(int group, int tid, int signal)
{
    const struct signal_info info = {
        .code = SI_TKILL, .sender = (int32_t)linux_process.page->pid, .user = linux_process.user};

    return signal_one(group, tid, signal, &info);
}

int64_t linux_tkill(int tid, int signal)
{
    const int64_t result = linux_tgkill((int)linux_process.page->pid, tid, signal);

    return result == -ESRCH ? linux_tgkill(tid, tid, signal) : result;
}

/* To others nobody says that a signal comes from the kernel, from kill, or from tkill. */
static bool may_say(int which, int code)
{
    return which == (int)linux_process.page->pid || (code < 0 && code != SI_TKILL);
}

int64_t linux_rt_sigqueueinfo(int which, int signal, uint64_t info)
{
    struct siginfo given;

    if (copy_in(&given, info, sizeof(given)) != 0)
        return -EFAULT;
    if (signal < 0 || signal > SIGNAL_MAX)
        return -EINVAL;
    if (!may_say(which, given.si_code))
        return -EPERM;
    return send(which, signal, (uint64_t)given.si_value.sival_ptr, given.si_code);
}

int64_t linux_rt_tgsigqueueinfo(int group, int tid, int signal, uint64_t info)
{
    struct siginfo given;
    struct signal_info told = {.sender = (int32_t)linux_process.page->pid, .user = linux_process.user};

    if (copy_in(&given, info, sizeof(given)) != 0)
        return -EFAULT;
    if (!may_say(group, given.si_code))
        return -EPERM;
    told.code = given.si_code;
    told.value = (uint64_t)given.si_value.sival_ptr;
    return signal_one(group, tid, signal, &told);
}
