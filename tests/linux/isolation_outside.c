/* SPDX-License-Identifier: MIT */
/* What lies outside of the container under attack: a file, a FIFO, memory, processes, a terminal; and whether all of it stays as it was. */
#include "isolation.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

static volatile sig_atomic_t signals_seen;

static void note(int number)
{
    if (number != SIGCHLD)
        signals_seen++;
}

static void make_secret(char *memory)
{
    int fd;

    for (unsigned i = 0; i < SECRET_BYTES; i++)
        memory[i] = secret_byte(i);
    mkdir(OUTSIDE, 0777);
    fd = open(SECRET_FILE, O_RDWR | O_CREAT | O_TRUNC, 0666);
    CHECK(fd >= 0 && write(fd, memory, SECRET_BYTES) == SECRET_BYTES && close(fd) == 0);
    CHECK(mkfifo(SECRET_FIFO, 0666) == 0);
}

static void check_secret(const char *memory)
{
    char bytes[SECRET_BYTES + 1];
    struct stat status;
    const int fd = open(SECRET_FILE, O_RDONLY);

    CHECK(has_secret(memory, SECRET_BYTES));
    CHECK(fd >= 0 && read(fd, bytes, sizeof(bytes)) == SECRET_BYTES && has_secret(bytes, SECRET_BYTES));
    CHECK(fstat(fd, &status) == 0 && status.st_nlink == 1 && (status.st_mode & 07777) == 0644);
    close(fd);
}

/* Files, pipes and processes are to be had as before, whatever others take. */
static void use_everything(void)
{
    int ends[2], status;
    char byte;
    const pid_t pid = fork();

    if (pid == 0)
        _exit(5);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);
    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x');
    close(ends[0]);
    close(ends[1]);
}

static pid_t start_bystander(void)
{
    const pid_t pid = fork();

    CHECK(pid >= 0);
    while (pid == 0)
        pause();
    return pid;
}

int be_outside(void)
{
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct termios before, after;
    struct pollfd typed = {.fd = 0, .events = POLLIN};
    char byte;
    int fifo;
    pid_t bystander;

    CHECK(shared != MAP_FAILED && tcgetattr(0, &before) == 0);
    umask(022);
    make_secret(shared);
    fifo = open(SECRET_FIFO, O_RDONLY | O_NONBLOCK);
    CHECK(fifo >= 0);
    for (int number = 1; number < NSIG; number++)
        signal(number, note);
    bystander = start_bystander();
    while (access("/jail", F_OK) != 0) /* which is made for the other container, started after this one */
        usleep(10000);
    CHECK(close(creat("/jail/ready", 0644)) == 0);
    while (access("/jail/done", F_OK) != 0) {
        check_secret(shared);
        use_everything();
        usleep(50000);
    }
    check_secret(shared);
    CHECK(signals_seen == 0);
    CHECK(read(fifo, &byte, 1) == 0);
    CHECK(tcgetattr(0, &after) == 0 && before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag);
    CHECK(tcgetpgrp(0) == getpgrp());
    CHECK(poll(&typed, 1, 0) == 0);
    CHECK(kill(bystander, 0) == 0 && waitpid(bystander, NULL, WNOHANG) == 0);
    CHECK(kill(bystander, SIGKILL) == 0 && waitpid(bystander, NULL, 0) == bystander);
    puts("outside: untouched");
    return 0;
}

/* ---- two that are alike ---- */

static void meet(const char *own, const char *other, const char *when)
{
    char path[64];

    snprintf(path, sizeof(path), "/shared/%s.%s", own, when);
    CHECK(close(creat(path, 0644)) == 0);
    snprintf(path, sizeof(path), "/shared/%s.%s", other, when);
    while (access(path, F_OK) != 0)
        usleep(10000);
}

static unsigned processes_seen(void)
{
    unsigned seen = 0;

    for (pid_t pid = 1; pid < PIDS; pid++)
        seen += kill(pid, 0) == 0;
    return seen;
}

/* Each makes the same names and uses the same numbers; nothing that one does is seen by the other but in the directory that both have. */
int be_side(const char *own, const char *other)
{
    char text[16] = "", path[64];
    struct stat status;
    pid_t bystander;
    int fd, fifo, to_fifo;

    bystander = start_bystander();
    CHECK(getpid() == 1 && bystander > 1);
    CHECK(mkfifo("/fifo", 0666) == 0);
    fifo = open("/fifo", O_RDONLY | O_NONBLOCK);
    to_fifo = open("/fifo", O_WRONLY | O_NONBLOCK);
    fd = open("/mine", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fifo >= 0 && fd >= 0 && write(fd, own, strlen(own)) == (ssize_t)strlen(own));
    CHECK(write(to_fifo, own, strlen(own)) == (ssize_t)strlen(own));
    meet(own, other, "begun");
    CHECK(read(fifo, text, sizeof(text)) == (ssize_t)strlen(own) && memcmp(text, own, strlen(own)) == 0);
    CHECK(processes_seen() == 2);
    CHECK(setpgid(bystander, bystander) == 0 && kill(-bystander, SIGKILL) == 0);
    CHECK(waitpid(bystander, NULL, 0) == bystander);
    snprintf(path, sizeof(path), "/%s", other);
    FAILS(ENOENT, stat(path, &status));
    CHECK(mkdir(own, 0700) == 0 && unlink("/mine") == 0);
    bystander = start_bystander();
    meet(own, other, "done");
    CHECK(waitpid(bystander, NULL, WNOHANG) == 0 && stat("/mine", &status) == -1 && stat(path, &status) == -1);
    meet(own, other, "left"); /* the other is to see all of this */
    printf("side %s: alone\n", own);
    return 0;
}

/* ---- one that holds its own output ---- */

/* Whoever watches a container is to see its last words, and its end, whatever it did to its terminal. */
int be_stopped(void)
{
    CHECK(tcflow(STDOUT_FILENO, TCOOFF) == 0);
    puts("stopped: shown at the end");
    return 0;
}
