/* SPDX-License-Identifier: MIT */
/* Advisory locks: of processes, of open files, of whole files; who waits, who is refused, and what goes with whom. */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "/tmp/locked"

static int fd;
static int to_parent[2], to_child[2]; /* pipes: who has come so far says so */

static void say(const int *pipe)
{
    CHECK(write(pipe[1], "x", 1) == 1);
}

static void hear(const int *pipe)
{
    char byte;

    CHECK(read(pipe[0], &byte, 1) == 1);
}

static int lock(int file, int command, int type, off_t first, off_t length)
{
    struct flock wanted = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = first, .l_len = length};

    return fcntl(file, command, &wanted);
}

/* Whether a lock could be had; if not, which stands in the way. */
static struct flock ask(int file, int command, int type, off_t first, off_t length)
{
    struct flock told = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = first, .l_len = length};

    CHECK(fcntl(file, command, &told) == 0);
    return told;
}

static pid_t child(void (*work)(void))
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        work();
        _exit(0);
    }
    return pid;
}

static void end_well(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- of processes ---- */

static void find_it_locked(void)
{
    struct flock told = ask(fd, F_GETLK, F_RDLCK, 0, 100);

    CHECK(told.l_type == F_WRLCK && told.l_pid == getppid() && told.l_start == 10 && told.l_len == 10);
    told = ask(fd, F_GETLK, F_WRLCK, 20, 100); /* there is a shared one, without an end */
    CHECK(told.l_type == F_RDLCK && told.l_start == 30 && told.l_len == 0);
    CHECK(ask(fd, F_GETLK, F_WRLCK, 20, 10).l_type == F_UNLCK);
    FAILS(EAGAIN, lock(fd, F_SETLK, F_RDLCK, 19, 1));
    CHECK(lock(fd, F_SETLK, F_RDLCK, 1000, 1) == 0 && lock(fd, F_SETLK, F_WRLCK, 20, 10) == 0);
}

static void ranges(void)
{
    const int reader = open(NAME, O_RDONLY), writer = open(NAME, O_WRONLY);

    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 20) == 0 && lock(fd, F_SETLK, F_UNLCK, 0, 10) == 0 &&
          lock(fd, F_SETLK, F_RDLCK, 30, 0) == 0);
    end_well(child(find_it_locked));
    CHECK(ask(fd, F_GETLK, F_WRLCK, 0, 0).l_type == F_UNLCK); /* its own never stand in the way */
    FAILS(EBADF, lock(reader, F_SETLK, F_WRLCK, 500, 1));
    FAILS(EBADF, lock(writer, F_SETLK, F_RDLCK, 500, 1));
    FAILS(EINVAL, lock(fd, F_SETLK, F_WRLCK, -1, 1));
    FAILS(EINVAL, lock(fd, F_SETLK, 17, 0, 1));
    FAILS(EINVAL, lock(fd, F_GETLK, F_UNLCK, 0, 1));
    close(writer);
    close(reader);
}

/* What the parent locked is gone, because that closed another descriptor of the file. */
static void find_it_free(void)
{
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0);
}

static void relative_ranges(void)
{
    struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -4, .l_len = -4};

    CHECK(ftruncate(fd, 100) == 0 && fcntl(fd, F_SETLK, &wanted) == 0);
    CHECK(lseek(fd, 50, SEEK_SET) == 50);
    wanted.l_whence = SEEK_CUR;
    CHECK(fcntl(fd, F_SETLK, &wanted) == 0);
}

static void check_relative(void)
{
    const struct flock first = ask(fd, F_GETLK, F_WRLCK, 0, 60), second = ask(fd, F_GETLK, F_WRLCK, 60, 0);

    CHECK(first.l_start == 42 && first.l_len == 4 && second.l_start == 92 && second.l_len == 4);
}

static void wait_for_it(void)
{
    say(to_parent);
    CHECK(lock(fd, F_SETLKW, F_WRLCK, 0, 1) == 0);
    say(to_parent);
    hear(to_child);
}

static void waiting(void)
{
    pid_t pid;

    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    pid = child(wait_for_it);
    hear(to_parent);
    usleep(30000); /* it most likely waits by now */
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 1) == 0);
    hear(to_parent);
    FAILS(EAGAIN, lock(fd, F_SETLK, F_RDLCK, 0, 1));
    say(to_child);
    end_well(pid);
    CHECK(lock(fd, F_SETLK, F_RDLCK, 0, 1) == 0);
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
}

static void note(int number)
{
    (void)number;
}

static void wait_and_be_interrupted(void)
{
    struct sigaction action = {.sa_handler = note};

    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    ualarm(100000, 100000); /* again and again, for it may come before the wait that it is to end */
    FAILS(EINTR, lock(fd, F_SETLKW, F_WRLCK, 0, 1));
    FAILS(EINTR, flock(open(NAME, O_RDONLY), LOCK_EX));
    ualarm(0, 0);
}

static void hold_and_die(void)
{
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    say(to_parent);
    for (;;)
        pause();
}

static void interruption_and_death(void)
{
    const int other = open(NAME, O_RDWR);
    pid_t pid;

    CHECK(flock(other, LOCK_EX) == 0 && lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    end_well(child(wait_and_be_interrupted));
    CHECK(flock(other, LOCK_UN) == 0 && lock(fd, F_SETLK, F_UNLCK, 0, 1) == 0);
    pid = child(hold_and_die);
    hear(to_parent);
    FAILS(EAGAIN, lock(fd, F_SETLK, F_WRLCK, 0, 1));
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(lock(fd, F_SETLKW, F_WRLCK, 0, 1) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    close(other); /* and with it what it locked */
    end_well(child(find_it_free));
}

static void lock_across(void)
{
    CHECK(lock(fd, F_SETLK, F_WRLCK, 1, 1) == 0);
    say(to_parent);
    hear(to_child);
    if (lock(fd, F_SETLKW, F_WRLCK, 0, 1) != 0)
        _exit(errno == EDEADLK ? 2 : 1);
}

/* Whoever comes second is refused, and the other gets what he wants once that one gives way. */
static void cycles(void)
{
    pid_t pid;
    int status;
    bool is_refused;

    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    pid = child(lock_across);
    hear(to_parent);
    say(to_child);
    usleep(30000);
    is_refused = lock(fd, F_SETLKW, F_WRLCK, 1, 1) != 0;
    CHECK(!is_refused || errno == EDEADLK);
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == (is_refused ? 0 : 2));
}

/* ---- of open files ---- */

static void open_files(void)
{
    const int other = open(NAME, O_RDWR), same = dup(fd);
    struct flock told, wrong = {.l_type = F_RDLCK, .l_pid = 1};

    CHECK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10) == 0 && lock(same, F_OFD_SETLK, F_WRLCK, 5, 10) == 0);
    FAILS(EAGAIN, lock(other, F_OFD_SETLK, F_RDLCK, 14, 1));
    told = ask(other, F_OFD_GETLK, F_RDLCK, 0, 0);
    CHECK(told.l_type == F_WRLCK && told.l_start == 0 && told.l_len == 15 && told.l_pid == -1);
    FAILS(EAGAIN, lock(other, F_SETLK, F_RDLCK, 14, 1)); /* one of a process */
    FAILS(EINVAL, fcntl(fd, F_OFD_SETLK, &wrong));
    CHECK(close(fd) == 0 && ask(other, F_OFD_GETLK, F_RDLCK, 0, 0).l_type == F_WRLCK);
    CHECK(close(same) == 0 && lock(other, F_OFD_SETLK, F_WRLCK, 0, 0) == 0);
    fd = open(NAME, O_RDWR);
    FAILS(EAGAIN, lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
    close(other);
    CHECK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0) == 0 && lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0) == 0);
}

/* ---- of whole files ---- */

static void unlock_for_the_parent(void)
{
    CHECK(flock(fd, LOCK_UN) == 0);
}

static void take_in_turn(void)
{
    const int own = open(NAME, O_RDWR);

    say(to_parent);
    CHECK(flock(own, LOCK_EX) == 0);
}

static void whole_files(void)
{
    const int other = open(NAME, O_RDONLY), third = open(NAME, O_RDONLY);
    pid_t pid;

    CHECK(flock(fd, LOCK_SH) == 0 && flock(other, LOCK_SH | LOCK_NB) == 0);
    FAILS(EWOULDBLOCK, flock(third, LOCK_EX | LOCK_NB));
    CHECK(flock(other, LOCK_UN) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    FAILS(EWOULDBLOCK, flock(other, LOCK_SH | LOCK_NB));
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0); /* that is another space */
    end_well(child(unlock_for_the_parent));
    CHECK(flock(other, LOCK_EX | LOCK_NB) == 0 && flock(other, LOCK_SH) == 0 && flock(third, LOCK_SH | LOCK_NB) == 0);
    CHECK(close(third) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0);
    pid = child(take_in_turn);
    hear(to_parent);
    usleep(30000);
    CHECK(close(other) == 0);
    /* The child had a copy of it, so it went with the child's own end at the latest. */
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid && flock(fd, LOCK_EX) == 0);
    FAILS(EINVAL, flock(fd, 16));
    FAILS(EBADF, flock(-1, LOCK_SH));
    CHECK(flock(fd, LOCK_UN) == 0 && lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
}

/* Two processes take the lock in turn, and none is in between another. */
static void add_under_lock(void)
{
    const int own = open(NAME, O_RDWR);
    long count;

    for (unsigned i = 0; i < 50; i++) {
        CHECK(flock(own, LOCK_EX) == 0);
        CHECK(pread(own, &count, sizeof(count), 0) == sizeof(count));
        count++;
        if (i % 8 == 0)
            usleep(100);
        CHECK(pwrite(own, &count, sizeof(count), 0) == sizeof(count));
        CHECK(flock(own, LOCK_UN) == 0);
    }
}

static void turns(void)
{
    long count = 0;
    pid_t pids[2];

    CHECK(pwrite(fd, &count, sizeof(count), 0) == sizeof(count));
    for (unsigned i = 0; i < 2; i++)
        pids[i] = child(add_under_lock);
    for (unsigned i = 0; i < 2; i++)
        end_well(pids[i]);
    CHECK(pread(fd, &count, sizeof(count), 0) == sizeof(count) && count == 100);
}

int main(void)
{
    CHECK(pipe(to_parent) == 0 && pipe(to_child) == 0);
    fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    ranges();
    end_well(child(find_it_free)); /* for a descriptor of the file has been closed */
    relative_ranges();
    end_well(child(check_relative));
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    waiting();
    interruption_and_death();
    cycles();
    open_files();
    whole_files();
    turns();
    unlink(NAME);
    puts("locks: good");
    return 0;
}
