/* SPDX-License-Identifier: MIT */
/* What the terminal answers who is in its background: a pseudo-terminal of Linux's, or the one that a container of Winkle has. */
#include "check.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

static int terminal;

static int open_terminal(void)
{
    int unlocked = 0, master;

    if (isatty(0))
        return dup(0);
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(master >= 0 && ioctl(master, TIOCSPTLCK, &unlocked) == 0);
    return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
}

static void take_foreground(pid_t group)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && tcsetpgrp(terminal, group) == 0);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && tcgetpgrp(terminal) == group);
}

static void read_some(void)
{
    char byte;

    CHECK(read(terminal, &byte, 1) == 1);
}

static void read_nothing(void)
{
    char byte;

    FAILS(EIO, read(terminal, &byte, 1));
}

static void ignore_and_read(void)
{
    CHECK(signal(SIGTTIN, SIG_IGN) != SIG_ERR);
    read_nothing();
}

static void block_and_read(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    read_nothing();
}

static void take_over(void)
{
    CHECK(tcsetpgrp(terminal, getpid()) == 0);
}

/* In a group of its own, which is not the foreground: by which signal it is stopped, or 0 if it has done all. */
static int stopped_by(void (*act)(void))
{
    const pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(setpgid(0, 0) == 0);
        act();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, WUNTRACED) == pid);
    if (!WIFSTOPPED(status)) {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        return 0;
    }
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    return WSTOPSIG(status);
}

/* The leader's parent is in another session: nobody would have its group go on. */
static void orphaned(void)
{
    struct termios attributes;
    const pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(setpgid(0, 0) == 0);
        for (;;)
            pause();
    }
    CHECK(setpgid(pid, pid) == 0);
    take_foreground(pid);
    read_nothing();
    CHECK(tcgetattr(terminal, &attributes) == 0);
    FAILS(EIO, tcsetattr(terminal, TCSANOW, &attributes));
    FAILS(ENOTTY, tcsetpgrp(terminal, getpid()));
    take_foreground(getpid());
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

static void in_session(void)
{
    CHECK(setsid() == getpid() && ioctl(terminal, TIOCSCTTY, 1) == 0 && tcgetpgrp(terminal) == getpid());
    CHECK(stopped_by(read_some) == SIGTTIN && stopped_by(take_over) == SIGTTOU);
    CHECK(stopped_by(ignore_and_read) == 0 && stopped_by(block_and_read) == 0);
    orphaned();
    FAILS(EINVAL, tcsetpgrp(terminal, -1));
    FAILS(ESRCH, tcsetpgrp(terminal, 4000000));
    FAILS(EPERM, tcsetpgrp(terminal, getpgid(getppid())));
}

int main(void)
{
    pid_t pid;

    terminal = open_terminal();
    CHECK(terminal >= 0 && (setpgid(0, 0) == 0 || getpgrp() == getpid()));
    pid = fork();
    if (pid == 0) {
        in_session();
        exit(0);
    }
    CHECK(end_of_child(pid, 30) == 0);
    puts("tty: good");
    return 0;
}
