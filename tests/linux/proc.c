/* SPDX-License-Identifier: MIT */
/* /proc: other processes, the directories, and names that begin in them. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* What a file says, with an end; how many bytes. */
static size_t text_at(int directory, const char *path, char *text, size_t bytes)
{
    const int fd = openat(directory, path, O_RDONLY);
    ssize_t count;

    CHECK(fd >= 0);
    count = read(fd, text, bytes - 1);
    CHECK(count >= 0 && close(fd) == 0);
    text[count] = '\0';
    return (size_t)count;
}

static size_t text_of(pid_t pid, const char *name, char *text, size_t bytes)
{
    char path[64];

    sprintf(path, "/proc/%d/%s", pid, name);
    return text_at(AT_FDCWD, path, text, bytes);
}

static int is_listed(const char *directory, const char *name)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    int found = 0;

    CHECK(stream != NULL);
    while ((entry = readdir(stream)) != NULL)
        found += strcmp(entry->d_name, name) == 0;
    CHECK(closedir(stream) == 0);
    CHECK(found <= 1);
    return found;
}

static pid_t start_child(int ends[2])
{
    pid_t pid;

    CHECK(pipe(ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[1]);
        dup2(ends[0], 0);
        execl("/bin/cat", "named so", "-", "", NULL);
        _exit(1);
    }
    close(ends[0]);
    return pid;
}

static void wait_for_state(pid_t pid, const char *states)
{
    char text[512], state = ' ';

    for (int i = 0; i < 1000 && strchr(states, state) == NULL; i++) {
        text_of(pid, "stat", text, sizeof(text));
        state = strrchr(text, ')')[2];
        usleep(10000);
    }
    CHECK(strchr(states, state) != NULL);
}

static void others(void)
{
    char text[512], number[16];
    int ends[2], parent, group, session;
    const pid_t pid = start_child(ends);
    struct stat status;

    sprintf(number, "%d", pid);
    for (int i = 0; i < 1000 && (text_of(pid, "comm", text, sizeof(text)), strcmp(text, "cat\n") != 0); i++)
        usleep(10000);
    CHECK(strcmp(text, "cat\n") == 0);
    wait_for_state(pid, "S");
    CHECK(is_listed("/proc", number) && is_listed("/proc", "self") && is_listed("/proc", "uptime"));
    text_of(pid, "stat", text, sizeof(text));
    CHECK(strncmp(text, number, strlen(number)) == 0 && strstr(text, " (cat) ") != NULL);
    CHECK(sscanf(strrchr(text, ')') + 3, "%d %d %d", &parent, &group, &session) == 3);
    CHECK(parent == getpid() && group == getpgrp() && session == getsid(0));
    CHECK(text_of(pid, "cmdline", text, sizeof(text)) == 12 && memcmp(text, "named so\0-\0", 12) == 0);
    text_of(pid, "status", text, sizeof(text));
    CHECK(strstr(text, "Name:\tcat\n") != NULL && strstr(text, "\nState:\t") != NULL);
    CHECK(is_listed("/proc/self", "fd") && is_listed("/proc/self/fd", "1") && is_listed("/proc/self", ".."));
    CHECK(kill(pid, SIGSTOP) == 0);
    wait_for_state(pid, "T");
    CHECK(kill(pid, SIGCONT) == 0 && close(ends[1]) == 0);
    wait_for_state(pid, "Z");
    CHECK(text_of(pid, "cmdline", text, sizeof(text)) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    sprintf(text, "/proc/%d", pid);
    FAILS(ENOENT, stat(text, &status));
    FAILS(ENOENT, open("/proc/4194303/stat", O_RDONLY));
    CHECK(!is_listed("/proc", number));
}

/* As much as fits is told of a command line; one's own is told whole. */
static void long_lines(void)
{
    char text[2048], word[400];
    pid_t pid;
    int ends[2];

    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    CHECK(pipe(ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[1]);
        dup2(ends[0], 0);
        execl("/bin/cat", "cat", "-", word, NULL);
        _exit(1);
    }
    close(ends[0]);
    while (text_of(pid, "comm", text, sizeof(text)), strcmp(text, "cat\n") != 0)
        usleep(10000);
    wait_for_state(pid, "S");
    CHECK(text_of(pid, "cmdline", text, sizeof(text)) >= 200 && memcmp(text, "cat\0-\0wwww", 10) == 0);
    CHECK(close(ends[1]) == 0 && waitpid(pid, NULL, 0) == pid);
    CHECK(prctl(PR_SET_NAME, "another name") == 0);
    CHECK(text_of(getpid(), "comm", text, sizeof(text)) == 13 && strcmp(text, "another name\n") == 0);
}

static void names(void)
{
    char text[512], path[64];
    struct stat status;
    const int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    int fd;

    CHECK(proc >= 0 && fstat(proc, &status) == 0 && S_ISDIR(status.st_mode));
    sprintf(path, "%d/comm", getpid());
    CHECK(text_at(proc, path, text, sizeof(text)) > 0);
    CHECK(text_at(proc, "self/comm", text, sizeof(text)) > 0 &&
          text_at(proc, "self/../uptime", text, sizeof(text)) > 0);
    CHECK(fstatat(proc, "self", &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode));
    CHECK(fstatat(proc, "self", &status, 0) == 0 && S_ISDIR(status.st_mode));
    CHECK(lstat("/proc/self/", &status) == 0 && S_ISDIR(status.st_mode));
    CHECK(lstat("/proc/self/.", &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid());
    FAILS(EISDIR, read(proc, text, 1));
    FAILS(ENOTDIR, open("/proc/self/stat", O_RDONLY | O_DIRECTORY));
    FAILS(EISDIR, open("/proc/self", O_RDWR));
    FAILS(ENOENT, open("/proc/no-such-thing", O_RDONLY));
    FAILS(ENOENT, fstatat(proc, "1x", &status, 0));
    CHECK(close(proc) == 0);
    CHECK(chdir("/proc") == 0 && getcwd(text, sizeof(text)) != NULL && strcmp(text, "/proc") == 0);
    CHECK(text_at(AT_FDCWD, path, text, sizeof(text)) > 0 && text_at(AT_FDCWD, "uptime", text, sizeof(text)) > 0);
    fd = open("../tmp/from-proc", O_CREAT | O_RDWR, 0644);
    CHECK(fd >= 0 && close(fd) == 0 && unlink("/tmp/from-proc") == 0);
    CHECK(chdir("self/fd") == 0 && stat("0", &status) == 0 && chdir("/tmp") == 0);
    CHECK(getcwd(text, sizeof(text)) != NULL && strcmp(text, "/tmp") == 0);
    FAILS(ENOTDIR, chdir("/proc/uptime"));
}

int main(void)
{
    others();
    long_lines();
    names();
    puts("proc: good");
    return 0;
}
