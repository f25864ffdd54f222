/* SPDX-License-Identifier: MIT */
/* What a process is told of its children, and what it may ask: zombies that there are not, stops that nobody hears of, groups that
 * nobody would have go on, waits that their own SIGCHLD interrupts. */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int told;

static void on_child(int signal)
{
    (void)signal;
    told++;
}

static void handle(void (*handler)(int), int flags)
{
    told = 0;
    CHECK(sigaction(SIGCHLD, &(struct sigaction){.sa_handler = handler, .sa_flags = flags}, NULL) == 0);
}

static pid_t start(useconds_t first)
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        usleep(first);
        _exit(3);
    }
    return pid;
}

static pid_t start_pausing(void)
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    while (pid == 0)
        pause();
    return pid;
}

/* Who wants no zombies waits for the last child to end, and is told of none. */
static void no_zombies(void (*handler)(int), int flags)
{
    pid_t pid;

    handle(handler, flags);
    start(0);
    pid = start(20000);
    errno = 0;
    CHECK(waitpid(-1, NULL, 0) == -1);
    if (errno == EINTR) /* by the handler */
        FAILS(ECHILD, waitpid(-1, NULL, 0));
    CHECK(errno == ECHILD);
    FAILS(ESRCH, kill(pid, 0));
    handle(SIG_DFL, 0);
    pid = start(0);
    CHECK(waitpid(pid, NULL, 0) == pid);
}

static void stops(void)
{
    int status;
    pid_t pid;

    handle(on_child, SA_NOCLDSTOP | SA_RESTART);
    pid = start_pausing();
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && told == 0);
    CHECK(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status) && told == 0);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL && told == 1);
    handle(on_child, SA_RESTART);
    pid = start_pausing();
    CHECK(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid && told == 1);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && told == 2);
}

/* A wait for a child that ends is no wait that its signal has interrupted: what it answers is the child. */
static void waits(void)
{
    handle(on_child, 0);
    for (useconds_t i = 0; i < 20; i++) {
        int status;
        const pid_t pid = start(i * 500);

        CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    }
    CHECK(told == 20);
    handle(SIG_DFL, 0);
}

static void refusals(void)
{
    siginfo_t info;
    const pid_t pid = start_pausing();

    FAILS(EINVAL, waitid(P_ALL, 0, &info, WEXITED | 0x100));
    FAILS(EINVAL, waitid(P_PGID, (id_t)-5, &info, WEXITED));
    FAILS(EINVAL, waitid(P_PID, 0, &info, WEXITED));
    FAILS(ESRCH, waitpid(INT_MIN, NULL, 0));
    FAILS(EINVAL, setpgid(-1, 0));
    CHECK(syscall(SYS_tkill, pid, 0) == 0 && syscall(SYS_tgkill, pid, pid, 0) == 0);
    FAILS(ESRCH, syscall(SYS_tgkill, pid, pid + 1, 0));
    FAILS(ESRCH, syscall(SYS_tgkill, getpid(), pid, 0));
    CHECK(syscall(SYS_tkill, pid, SIGTERM) == 0 && WTERMSIG(end_of_child(pid, 10)) == SIGTERM);
}

/* In a session of its own, with or without a parent in another group that could have it go on: whether the signal stops it. */
static bool is_stopped_by(int signal, bool has_parent)
{
    struct pollfd end = {.events = POLLIN};
    int ends[2], status = 0;
    bool is_stopped;
    pid_t pid;

    CHECK(pipe(ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        pid_t child;

        CHECK(setsid() == getpid());
        child = fork();
        if (child == 0) {
            CHECK(!has_parent || setpgid(0, 0) == 0);
            CHECK(kill(getpid(), signal) == 0 && write(ends[1], "", 1) == 1);
            _exit(0);
        }
        if (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status))
            CHECK(WSTOPSIG(status) == signal && kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        _exit(0);
    }
    CHECK(close(ends[1]) == 0 && end_of_child(pid, 20) == 0);
    end.fd = ends[0];
    is_stopped = poll(&end, 1, 1000) == 1 && end.revents == POLLHUP;
    close(ends[0]);
    return is_stopped;
}

static void orphans(void)
{
    static const int signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};

    for (unsigned i = 0; i < 3; i++)
        CHECK(!is_stopped_by(signals[i], false) && is_stopped_by(signals[i], true));
    CHECK(is_stopped_by(SIGSTOP, false));
}

/* A program takes over that SIGCHLD is ignored, but not a handler's flags. */
static int executed(void)
{
    const pid_t pid = start(0);
    const pid_t result = waitpid(pid, NULL, 0);

    return result == pid ? 1 : result == -1 && errno == ECHILD ? 2 : 3;
}

static void executes(const char *path)
{
    static void (*const handlers[])(int) = {SIG_IGN, on_child};

    for (int i = 0; i < 2; i++) {
        const pid_t pid = fork();

        if (pid == 0) {
            handle(handlers[i], i == 0 ? 0 : SA_NOCLDWAIT);
            execl(path, "children", "executed", NULL);
            _exit(9);
        }
        CHECK(WEXITSTATUS(end_of_child(pid, 10)) == (i == 0 ? 2 : 1));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return executed();
    no_zombies(SIG_IGN, 0);
    no_zombies(on_child, SA_NOCLDWAIT);
    CHECK(told == 0);
    stops();
    waits();
    refusals();
    orphans();
    executes(argv[0]);
    puts("children: good");
    return 0;
}
