/* SPDX-License-Identifier: MIT */
/* Files: names, bytes, positions, links, directories, and what is refused. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void bytes(void)
{
    char buffer[64] = {0};
    char first[] = "ab", second[] = "cdef";
    struct iovec parts[2] = {{first, 2}, {second, 4}};
    const int fd = open("/tmp/bytes", O_RDWR | O_CREAT | O_EXCL, 0640);
    struct stat status;

    CHECK(fd >= 0);
    CHECK(write(fd, "Hello, world", 12) == 12);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(read(fd, buffer, sizeof(buffer)) == 12 && memcmp(buffer, "Hello, world", 12) == 0);
    CHECK(read(fd, buffer, 1) == 0);
    CHECK(pread(fd, buffer, 5, 7) == 5 && memcmp(buffer, "world", 5) == 0);
    CHECK(pwrite(fd, "W", 1, 7) == 1);
    CHECK(lseek(fd, 0, SEEK_CUR) == 12);
    CHECK(writev(fd, parts, 2) == 6);
    CHECK(fstat(fd, &status) == 0 && status.st_size == 18 && (status.st_mode & 07777) == 0640 &&
          S_ISREG(status.st_mode));
    CHECK(ftruncate(fd, 5) == 0 && lseek(fd, 0, SEEK_END) == 5);
    CHECK(ftruncate(fd, 8192) == 0 && pread(fd, buffer, 8, 8184) == 8 && buffer[7] == 0);
    FAILS(EEXIST, open("/tmp/bytes", O_RDWR | O_CREAT | O_EXCL, 0600));
    FAILS(EFAULT, pread(fd, (void *)8, 4, 0));
    CHECK(close(fd) == 0);
    FAILS(EBADF, close(fd));
    CHECK(unlink("/tmp/bytes") == 0);
    FAILS(ENOENT, stat("/tmp/bytes", &status));
}

static void shared_position(void)
{
    const int fd = open("/tmp/shared", O_RDWR | O_CREAT, 0600), other = dup(fd),
              append = open("/tmp/shared", O_WRONLY | O_APPEND);
    char byte;

    CHECK(fd >= 0 && other > fd && append > other);
    CHECK(write(fd, "abc", 3) == 3 && lseek(other, 0, SEEK_CUR) == 3);
    CHECK(write(append, "d", 1) == 1 && pread(fd, &byte, 1, 3) == 1 && byte == 'd');
    FAILS(EBADF, read(append, &byte, 1));
    CHECK(unlink("/tmp/shared") == 0 && pread(fd, &byte, 1, 0) == 1 && byte == 'a'); /* it lives while it is open */
    close(fd);
    close(other);
    close(append);
}

static void names(void)
{
    char link[16] = {0}, folder[256];
    struct stat status;
    struct dirent *entry;
    DIR *directory;
    unsigned found = 0;

    CHECK(mkdir("/tmp/d", 0755) == 0 && chdir("/tmp/d") == 0 && getcwd(folder, sizeof(folder)) != NULL);
    CHECK(strcmp(folder, "/tmp/d") == 0);
    CHECK(close(creat("one", 0644)) == 0 && symlink("one", "two") == 0 &&
          linkat(AT_FDCWD, "one", AT_FDCWD, "three", 0) == 0);
    CHECK(readlink("two", link, sizeof(link)) == 3 && strcmp(link, "one") == 0);
    CHECK(lstat("two", &status) == 0 && S_ISLNK(status.st_mode));
    CHECK(stat("two", &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 2);
    CHECK(rename("three", "four") == 0 && access("three", F_OK) == -1 && access("four", R_OK) == 0);
    CHECK(chmod("one", 0700) == 0 && stat("four", &status) == 0 && (status.st_mode & 0777) == 0700);
    directory = opendir(".");
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        found |= strcmp(entry->d_name, "one") == 0     ? 1
                 : strcmp(entry->d_name, "two") == 0   ? 2
                 : strcmp(entry->d_name, "four") == 0  ? 4
                 : strcmp(entry->d_name, "three") == 0 ? 8
                                                       : 0;
    CHECK(found == 7 && closedir(directory) == 0);
    FAILS(ENOTEMPTY, rmdir("/tmp/d"));
    FAILS(ENOTDIR, open("one/x", O_RDONLY));
    FAILS(EISDIR, open("/tmp/d", O_WRONLY));
    CHECK(symlink("loop", "loop") == 0);
    FAILS(ELOOP, open("loop", O_RDONLY));
    CHECK(unlink("one") == 0 && unlink("two") == 0 && unlink("four") == 0 && unlink("loop") == 0 && chdir("/") == 0 &&
          rmdir("/tmp/d") == 0);
}

static void devices(void)
{
    char buffer[16];
    int fd = open("/dev/null", O_RDWR);

    CHECK(write(fd, "x", 1) == 1 && read(fd, buffer, 1) == 0);
    fd = open("/dev/zero", O_RDONLY);
    memset(buffer, 1, sizeof(buffer));
    CHECK(read(fd, buffer, 16) == 16 && buffer[15] == 0);
    fd = open("/dev/full", O_WRONLY);
    FAILS(ENOSPC, write(fd, "x", 1));
}

int main(void)
{
    bytes();
    shared_position();
    names();
    devices();
    puts("files: good");
    return 0;
}
