/* SPDX-License-Identifier: MIT */
/* The calls on processes: making them, waiting for them, and who they are. */
#include "calls.h"
#include "exec.h"
#include "files.h"
#include "fork.h"
#include "signals.h"
#include "terminal.h"
#include "threads.h"
#include "waiters.h"

#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/posix.h>
#include <winkle/text.h>

#include <asm/siginfo.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/wait.h>

#define CHILD_BIT 1
#define KINDS_OF_CHILDREN ((int)(__WALL | __WNOTHREAD | __WCLONE))
#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
/* What a copied process has of its own in any case, or shares without anybody's noticing. */
#define PROCESS_FLAGS                                                                                                  \
    (CSIGNAL | CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |                      \
     CLONE_CHILD_CLEARTID | CLONE_CLEAR_SIGHAND)
/* What a thread has besides, and what makes no difference to one. */
#define THREAD_MORE_FLAGS                                                                                              \
    (CSIGNAL | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |        \
     CLONE_DETACHED | CLONE_UNTRACED | CLONE_PTRACE | CLONE_IO | CLONE_PARENT)
#define NS_PER_US 1000

static int64_t clone_process(uint64_t flags, uint64_t end_signal, uint64_t stack, uint64_t parent_tid, uint64_t tls,
                             uint64_t child_tid)
{
    uint64_t pid = 0;
    int64_t result;

    if ((flags & ~(uint64_t)PROCESS_FLAGS) != 0)
        return -EINVAL;
    result = fork_process(flags, end_signal, stack, (flags & CLONE_CHILD_SETTID) != 0 ? child_tid : 0,
                          (flags & CLONE_CHILD_CLEARTID) != 0 ? child_tid : 0, &pid);
    if (result == 0) {
        if ((flags & CLONE_SETTLS) != 0)
            current()->frame->context.tp = tls;
        if ((flags & CLONE_CLEAR_SIGHAND) != 0)
            signals_for_program();
    } else if (result > 0 && (flags & CLONE_PARENT_SETTID) != 0) {
        const int32_t number = (int32_t)result;

        copy_out(parent_tid, &number, sizeof(number));
    }
    return result;
}

static int64_t clone_thread(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls, uint64_t child_tid)
{
    if ((flags & ~(uint64_t)(THREAD_FLAGS | THREAD_MORE_FLAGS)) != 0)
        return -EINVAL;
    return thread_clone(flags, stack, parent_tid, tls, child_tid);
}

int64_t linux_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls, uint64_t child_tid)
{
    if ((flags & THREAD_FLAGS) == THREAD_FLAGS)
        return clone_thread(flags, stack, parent_tid, tls, child_tid);
    return clone_process(flags, flags & CSIGNAL, stack, parent_tid, tls, child_tid);
}

/* What is behind the arguments that are known here is to be zeros. */
static int64_t read_arguments(struct clone_args *given, uint64_t address, uint64_t bytes)
{
    uint8_t more;

    if (bytes < CLONE_ARGS_SIZE_VER0)
        return -EINVAL;
    if (bytes > WK_PAGE_BYTES)
        return -E2BIG;
    if (copy_in(given, address, bytes < sizeof(*given) ? bytes : sizeof(*given)) != 0)
        return -EFAULT;
    for (uint64_t at = sizeof(*given); at < bytes; at++) {
        if (copy_in(&more, address + at, sizeof(more)) != 0)
            return -EFAULT;
        if (more != 0)
            return -E2BIG;
    }
    return 0;
}

int64_t linux_clone3(uint64_t arguments, uint64_t bytes)
{
    struct clone_args given = {0};
    const int64_t result = read_arguments(&given, arguments, bytes);

    if (result != 0)
        return result;
    if ((given.flags & (CSIGNAL | CLONE_DETACHED)) != 0 || (given.stack == 0) != (given.stack_size == 0) ||
        (given.set_tid == 0) != (given.set_tid_size == 0) ||
        ((given.flags & CLONE_THREAD) != 0 && given.exit_signal != 0))
        return -EINVAL;
    if (given.set_tid != 0)
        return -EPERM; /* numbers are the process service's to give */
    if ((given.flags & THREAD_FLAGS) == THREAD_FLAGS)
        return clone_thread(given.flags, given.stack + given.stack_size, given.parent_tid, given.tls, given.child_tid);
    return clone_process(given.flags, given.exit_signal, given.stack == 0 ? 0 : given.stack + given.stack_size,
                         given.parent_tid, given.tls, given.child_tid);
}

/* ---- waiting for children ---- */

struct news {
    uint64_t pid, status, user, used;
};

/*
 * The process service tells that there is news by one event, which ends one wait. So of several threads that wait one listens, and
 * whenever it has done so has the others, which follow, look too, each by its own event: one of them listens then.
 */
static void begin_to_wait(void)
{
    struct thread *self = current();

    self->child_wait = CHILD_WAIT_LISTENS;
    if (linux_process.threads->next == NULL)
        return;
    wk_lock_take(&linux_lock);
    for (const struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next) {
        if (thread != self && thread->child_wait == CHILD_WAIT_LISTENS)
            self->child_wait = CHILD_WAIT_FOLLOWS;
    }
    wk_lock_release(&linux_lock);
}

static void end_waiting(void)
{
    struct thread *self = current();
    const bool has_listened = self->child_wait == CHILD_WAIT_LISTENS;

    self->child_wait = CHILD_WAIT_NONE;
    if (!has_listened || linux_process.threads->next == NULL)
        return;
    wk_lock_take(&linux_lock);
    for (const struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next) {
        if (thread->child_wait == CHILD_WAIT_FOLLOWS)
            wk_event_signal(thread->event, WAITER_BIT);
    }
    wk_lock_release(&linux_lock);
}

/* WK_INTERRUPTED: there is a signal that the wait is not to go on for. */
static enum wk_status wait_for_news(void)
{
    enum wk_status status;
    uint64_t bits;

    if (current()->child_wait == CHILD_WAIT_FOLLOWS)
        return wait_for_event(WK_FOREVER) == 0 ? WK_OK : WK_INTERRUPTED;
    do
        status = wk_event_wait(linux_process.children, CHILD_BIT, WK_FOREVER, &bits);
    while (status == WK_INTERRUPTED && signals_let_wait());
    return status;
}

/* Of a child that ends while its SIGCHLD interrupts the wait, it is the news that is told. */
static int64_t wait_for_child(uint64_t which, uint64_t options, struct news *news)
{
    for (bool is_interrupted = false;;) {
        enum wk_status status;

        begin_to_wait();
        status =
            wk_posix_wait(linux_process.posix, which, options, &news->pid, &news->status, &news->user, &news->used);
        if (status == WK_WOULD_BLOCK && !is_interrupted) {
            is_interrupted = wait_for_news() != WK_OK;
            end_waiting();
            continue;
        }
        end_waiting();
        if (status == WK_WOULD_BLOCK)
            return signals_restart();
        return status == WK_NOT_FOUND ? -ECHILD : error_of(status);
    }
}

static void fill_usage(struct rusage *usage, uint64_t used)
{
    memset(usage, 0, sizeof(*usage));
    usage->ru_utime.tv_sec = (long)(used / WK_NS_PER_SECOND);
    usage->ru_utime.tv_usec = (long)(used % WK_NS_PER_SECOND / NS_PER_US);
}

int64_t linux_wait4(int which, uint64_t status, int options, uint64_t usage)
{
    const uint64_t wanted = WK_WAIT_OPTIONS_EXITED | ((options & WNOHANG) != 0 ? WK_WAIT_OPTIONS_NO_HANG : 0) |
                            ((options & WUNTRACED) != 0 ? WK_WAIT_OPTIONS_UNTRACED : 0) |
                            ((options & WCONTINUED) != 0 ? WK_WAIT_OPTIONS_CONTINUED : 0);
    struct news news = {0};
    struct rusage used;
    int32_t told;
    int64_t result;

    if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | KINDS_OF_CHILDREN)) != 0)
        return -EINVAL;
    if (which == INT32_MIN)
        return -ESRCH;
    result = wait_for_child((uint64_t)(int64_t)which, wanted, &news);
    if (result != 0 || news.pid == 0)
        return result;
    told = (int32_t)news.status;
    fill_usage(&used, news.used);
    if ((status != 0 && copy_out(status, &told, sizeof(told)) != 0) ||
        (usage != 0 && copy_out(usage, &used, sizeof(used)) != 0))
        return -EFAULT;
    return (int64_t)news.pid;
}

/* What waitid tells of a status that wait4 would tell. */
static void fill_news(struct siginfo *info, const struct news *news)
{
    const int status = (int)news->status;

    memset(info, 0, sizeof(*info));
    if (news->pid == 0)
        return;
    info->si_signo = SIGNAL_CHLD;
    info->si_pid = (int)news->pid;
    info->si_uid = (uint32_t)news->user;
    if ((status & 0xff) == 0x7f) {
        info->si_code = CLD_STOPPED;
        info->si_status = status >> 8;
    } else if (status == 0xffff) {
        info->si_code = CLD_CONTINUED;
        info->si_status = SIGNAL_CONT;
    } else if ((status & 0x7f) == 0) {
        info->si_code = CLD_EXITED;
        info->si_status = status >> 8 & 0xff;
    } else {
        info->si_code = (status & 0x80) != 0 ? CLD_DUMPED : CLD_KILLED;
        info->si_status = status & 0x7f;
    }
}

int64_t linux_waitid(int kind, int which, uint64_t info, int options, uint64_t usage)
{
    const uint64_t wanted = ((options & WEXITED) != 0 ? WK_WAIT_OPTIONS_EXITED : 0) |
                            ((options & WNOHANG) != 0 ? WK_WAIT_OPTIONS_NO_HANG : 0) |
                            ((options & WSTOPPED) != 0 ? WK_WAIT_OPTIONS_UNTRACED : 0) |
                            ((options & WCONTINUED) != 0 ? WK_WAIT_OPTIONS_CONTINUED : 0) |
                            ((options & WNOWAIT) != 0 ? WK_WAIT_OPTIONS_NO_WAIT : 0);
    struct siginfo told;
    struct rusage used;
    struct news news = {0};
    int64_t result;

    if ((options & (WEXITED | WSTOPPED | WCONTINUED)) == 0 ||
        (options & ~(WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT | KINDS_OF_CHILDREN)) != 0)
        return -EINVAL;
    switch (kind) {
    case P_ALL:
        which = -1;
        break;
    case P_PID:
        if (which <= 0)
            return -EINVAL;
        break;
    case P_PGID:
        if (which < 0)
            return -EINVAL;
        which = which == 0 ? 0 : -which;
        break;
    default:
        return -EINVAL;
    }
    result = wait_for_child((uint64_t)(int64_t)which, wanted, &news);
    if (result != 0)
        return result;
    fill_news(&told, &news);
    fill_usage(&used, news.used);
    if ((info != 0 && copy_out(info, &told, sizeof(told)) != 0) ||
        (usage != 0 && copy_out(usage, &used, sizeof(used)) != 0))
        return -EFAULT;
    return 0;
}

/* ---- identities ---- */

int64_t linux_getpid(void)
{
    return (int64_t)linux_process.page->pid;
}

int64_t linux_getppid(void)
{
    return (int64_t)linux_process.page->parent;
}

int64_t linux_gettid(void)
{
    return current()->tid;
}

int64_t linux_getpgid(int pid)
{
    uint64_t found, parent_group, session, name0, name1, used;

    if (pid == 0 || pid == (int)linux_process.page->pid)
        return (int64_t)linux_process.page->group;
    if (wk_posix_describe(linux_process.posix, (uint64_t)pid, &found, &parent_group, &session, &name0, &name1, &used) !=
            WK_OK ||
        found != (uint64_t)pid)
        return -ESRCH;
    return (int64_t)(parent_group >> 32);
}

int64_t linux_getsid(int pid)
{
    uint64_t found, parent_group, session, name0, name1, used;

    if (pid == 0 || pid == (int)linux_process.page->pid)
        return (int64_t)linux_process.page->session;
    if (wk_posix_describe(linux_process.posix, (uint64_t)pid, &found, &parent_group, &session, &name0, &name1, &used) !=
            WK_OK ||
        found != (uint64_t)pid)
        return -ESRCH;
    return (int64_t)(session & UINT32_MAX);
}

int64_t linux_setpgid(int pid, int group)
{
    enum wk_status status;

    if (pid < 0 || group < 0)
        return -EINVAL;
    status = wk_posix_set_group(linux_process.posix, (uint64_t)pid, (uint64_t)group);
    return status == WK_OK ? 0 : status == WK_NOT_FOUND ? -ESRCH : -EPERM;
}

int64_t linux_setsid(void)
{
    uint64_t session;

    if (wk_posix_new_session(linux_process.posix, &session) != WK_OK)
        return -EPERM;
    terminal_leave();
    return (int64_t)session;
}

int64_t linux_getuid(void)
{
    return linux_process.user;
}

int64_t linux_geteuid(void)
{
    return linux_process.effective_user;
}

int64_t linux_getgid(void)
{
    return linux_process.group;
}

int64_t linux_getegid(void)
{
    return linux_process.effective_group;
}

/* Users are data: whoever is user 0 may become anybody, and others who they were; it gives and takes no authority. */
static bool may_be(uint32_t wanted, uint32_t real, uint32_t effective, uint32_t saved)
{
    return wanted == UINT32_MAX || linux_process.effective_user == 0 || wanted == real || wanted == effective ||
           wanted == saved;
}

int64_t linux_setresuid(uint64_t real, uint64_t effective, uint64_t saved)
{
    const uint32_t wanted[] = {(uint32_t)real, (uint32_t)effective, (uint32_t)saved};

    for (unsigned i = 0; i < 3; i++) {
        if (!may_be(wanted[i], linux_process.user, linux_process.effective_user, linux_process.saved_user))
            return -EPERM;
    }
    linux_process.user = wanted[0] == UINT32_MAX ? linux_process.user : wanted[0];
    linux_process.effective_user = wanted[1] == UINT32_MAX ? linux_process.effective_user : wanted[1];
    linux_process.saved_user = wanted[2] == UINT32_MAX ? linux_process.saved_user : wanted[2];
    wk_posix_set_owner(linux_process.posix, linux_process.user, linux_process.group);
    return 0;
}

int64_t linux_setresgid(uint64_t real, uint64_t effective, uint64_t saved)
{
    const uint32_t wanted[] = {(uint32_t)real, (uint32_t)effective, (uint32_t)saved};

    for (unsigned i = 0; i < 3; i++) {
        if (!may_be(wanted[i], linux_process.group, linux_process.effective_group, linux_process.saved_group))
            return -EPERM;
    }
    linux_process.group = wanted[0] == UINT32_MAX ? linux_process.group : wanted[0];
    linux_process.effective_group = wanted[1] == UINT32_MAX ? linux_process.effective_group : wanted[1];
    linux_process.saved_group = wanted[2] == UINT32_MAX ? linux_process.saved_group : wanted[2];
    wk_posix_set_owner(linux_process.posix, linux_process.user, linux_process.group);
    return 0;
}

int64_t linux_setuid(uint64_t user)
{
    return linux_process.effective_user == 0 ? linux_setresuid(user, user, user)
                                             : linux_setresuid(UINT32_MAX, user, UINT32_MAX);
}

int64_t linux_setgid(uint64_t group)
{
    return linux_process.effective_user == 0 ? linux_setresgid(group, group, group)
                                             : linux_setresgid(UINT32_MAX, group, UINT32_MAX);
}

int64_t linux_setreuid(uint64_t real, uint64_t effective)
{
    return linux_setresuid(real, effective, (uint32_t)real == UINT32_MAX ? UINT32_MAX : effective);
}

int64_t linux_setregid(uint64_t real, uint64_t effective)
{
    return linux_setresgid(real, effective, (uint32_t)real == UINT32_MAX ? UINT32_MAX : effective);
}

static int64_t tell_three(const uint32_t values[3], uint64_t a, uint64_t b, uint64_t c)
{
    return copy_out(a, &values[0], 4) == 0 && copy_out(b, &values[1], 4) == 0 && copy_out(c, &values[2], 4) == 0
               ? 0
               : -EFAULT;
}

int64_t linux_getresuid(uint64_t real, uint64_t effective, uint64_t saved)
{
    const uint32_t values[] = {linux_process.user, linux_process.effective_user, linux_process.saved_user};

    return tell_three(values, real, effective, saved);
}

int64_t linux_getresgid(uint64_t real, uint64_t effective, uint64_t saved)
{
    const uint32_t values[] = {linux_process.group, linux_process.effective_group, linux_process.saved_group};

    return tell_three(values, real, effective, saved);
}

int64_t linux_getgroups(int count, uint64_t list)
{
    (void)list;
    return count < 0 ? -EINVAL : 0;
}

int64_t linux_setgroups(uint64_t count, uint64_t list)
{
    (void)list;
    if (linux_process.effective_user != 0)
        return -EPERM;
    return count > 65536 ? -EINVAL : 0;
}

int64_t linux_prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    (void)b;
    (void)c;
    (void)d;
    switch (option) {
    case PR_SET_NAME:
        if (copy_in(linux_process.name, a, sizeof(linux_process.name)) != 0)
            return -EFAULT;
        linux_process.name[sizeof(linux_process.name) - 1] = '\0';
        exec_tell_name();
        return 0;
    case PR_GET_NAME:
        return copy_out(a, linux_process.name, sizeof(linux_process.name));
    case PR_GET_DUMPABLE:
    case PR_GET_NO_NEW_PRIVS: /* a program has what it was given, and no way to more */
        return 1;
    case PR_SET_NO_NEW_PRIVS:
        return a == 1 ? 0 : -EINVAL;
    case PR_CAPBSET_READ: /* nobody has any */
        return a <= CAP_LAST_CAP ? 0 : -EINVAL;
    case PR_CAP_AMBIENT:
        return a == PR_CAP_AMBIENT_IS_SET || a == PR_CAP_AMBIENT_CLEAR_ALL ? 0 : -EPERM;
    default:
        return -EINVAL;
    }
}
