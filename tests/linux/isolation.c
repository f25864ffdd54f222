/* SPDX-License-Identifier: MIT */
/*
 * Whether a container keeps what is in it: `isolation outside` runs where the whole tree is to be seen, makes a secret there and watches
 * it; `isolation` runs beside it in a container whose root is OUTSIDE/jail, and makes its attempts, with a line for each. See docs/linux.md.
 */
#include "isolation.h"

#include <signal.h>
#include <sys/wait.h>

#define PATIENCE 2 /* seconds for an attempt, before it is ended */

void reached(const char *what)
{
    printf("reached %s\n", what);
    fflush(stdout);
    _exit(2);
}

void try_descriptor(int fd)
{
    char bytes[4096];
    ssize_t count;

    if (fd < 0)
        return;
    count = read(fd, bytes, sizeof(bytes));
    if (count > 0 && has_secret(bytes, (size_t)count))
        reached("the secret's bytes");
    close(fd);
}

void try_path(int directory, const char *path)
{
    struct stat status;
    char bytes[256];

    if (fstatat(directory, path, &status, 0) == 0)
        reached(path);
    if (fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(status.st_mode))
        reached(path);
    if (faccessat(directory, path, F_OK, 0) == 0)
        reached(path);
    if (readlinkat(directory, path, bytes, sizeof(bytes)) >= 0 && strstr(path, "link") == NULL)
        reached(path);
    if (openat(directory, path, O_RDONLY | O_NONBLOCK) >= 0 || openat(directory, path, O_PATH) >= 0 ||
        openat(directory, path, O_WRONLY | O_NONBLOCK) >= 0)
        reached(path);
}

uint64_t random_number(void)
{
    static uint64_t random = 88172645463325252;

    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
}

/* What a process had comes back after its end is told: bombs leave no room for a moment. */
static pid_t fork_patiently(void)
{
    pid_t pid = fork();

    for (unsigned i = 0; i < 500 && pid < 0 && errno == EAGAIN; i++) {
        usleep(20000);
        pid = fork();
    }
    return pid;
}

static bool holds(const struct attempt *attempt)
{
    const pid_t pid = fork_patiently();
    int status = 0;

    CHECK(pid >= 0);
    if (pid == 0) {
        for (int number = 1; number < NSIG; number++)
            signal(number, SIG_DFL);
        attempt->run();
        _exit(0);
    }
    status = end_of_child(pid, PATIENCE);
    kill(-1, SIGKILL); /* whatever it has left */
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

/* Those of a table, or the one that `only` names. */
static unsigned run_all(const struct attempt *attempts, const char *only)
{
    unsigned failed = 0;

    for (; attempts->name != NULL; attempts++) {
        if (only != NULL && strcmp(only, attempts->name) != 0)
            continue;
        const bool does_hold = holds(attempts);

        printf("%s isolation/%s\n", does_hold ? "pass" : "FAIL", attempts->name);
        failed += !does_hold;
    }
    return failed;
}

/* Also those that the C library keeps for itself. */
static void ignore_signals(void)
{
    const struct {
        void (*handler)(int);
        unsigned long flags, mask;
    } ignored = {.handler = SIG_IGN};

    for (int number = 1; number < NSIG; number++) {
        if (number != SIGCHLD)
            syscall(SYS_rt_sigaction, number, &ignored, NULL, sizeof(ignored.mask));
    }
}

/* What another program has left open for this one. */
static int try_descriptors(void)
{
    for (int fd = 0; fd < 64; fd++) {
        try_path(fd, "outside/secret");
        try_path(fd, "../outside/secret");
    }
    return 0;
}

static void await_file(const char *path)
{
    while (access(path, F_OK) != 0)
        usleep(10000);
}

int main(int argc, char **argv)
{
    unsigned failed;

    if (argc == 2 && strcmp(argv[1], "descriptors") == 0)
        return try_descriptors();
    check_contained();
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc == 2 && strcmp(argv[1], "outside") == 0)
        return be_outside();
    if (argc == 2 && strcmp(argv[1], "stopped") == 0)
        return be_stopped();
    if (argc == 4 && strcmp(argv[1], "side") == 0)
        return be_side(argv[2], argv[3]);
    CHECK(argc <= 2);
    ignore_signals();
    await_file("/ready");
    failed = run_all(path_attempts, argv[1]) + run_all(process_attempts, argv[1]) + run_all(winkle_attempts, argv[1]);
    if (argc == 1 || failed != 0)
        CHECK(close(creat("/done", 0644)) == 0);
    printf("isolation: %s\n", failed == 0 ? "good" : "bad");
    return failed != 0;
}
