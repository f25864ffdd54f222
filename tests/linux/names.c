/* SPDX-License-Identifier: MIT */
/* What names, files and their room can be asked for beyond the ordinary: each call with what it refuses. Without the argument `all` a call
 * that an emulator of processes does not know, or a flag of it, is passed over. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/tmp/names"

static bool is_all;

static void make_text(const char *name, const char *text)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static bool has_text(const char *name, const char *text)
{
    char bytes[64] = {0};
    const int fd = open(name, O_RDONLY);

    CHECK(fd >= 0 && read(fd, bytes, sizeof(bytes) - 1) >= 0 && close(fd) == 0);
    return strcmp(bytes, text) == 0;
}

/* ---- names ---- */

static void renames(void)
{
    make_text("a", "one");
    make_text("b", "two");
    FAILS(EEXIST, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
    FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
    FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 128));
    CHECK(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE) == 0 && has_text("a", "two") &&
          has_text("b", "one"));
    FAILS(ENOENT, renameat2(AT_FDCWD, "a", AT_FDCWD, "missing", RENAME_EXCHANGE));
    CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
    FAILS(EINVAL, renameat2(AT_FDCWD, "d", AT_FDCWD, "d/e", RENAME_EXCHANGE));
    CHECK(renameat2(AT_FDCWD, "d/e", AT_FDCWD, "a", RENAME_EXCHANGE) == 0 && has_text("d/e", "two"));
    CHECK(unlink("d/e") == 0 && rmdir("a") == 0 && rmdir("d") == 0 && rename("b", "c") == 0 && unlink("c") == 0);
}

static int open2(int directory, const char *path, uint64_t flags, uint64_t resolve)
{
    const struct open_how how = {.flags = flags, .resolve = resolve};

    return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

static void opens_within(void)
{
    struct open_how wrong[2] = {{.flags = O_RDONLY}, {.flags = 1}};
    int directory;

    CHECK(mkdir("in", 0755) == 0 && mkdir("in/deep", 0755) == 0);
    make_text("out", "outside");
    make_text("in/file", "inside");
    CHECK(symlink("../out", "in/up") == 0 && symlink("/file", "in/absolute") == 0 && symlink("file", "in/link") == 0);
    directory = open("in", O_RDONLY | O_DIRECTORY);
    CHECK(close(open2(directory, "file", O_RDONLY, 0)) == 0 && close(open2(directory, "up", O_RDONLY, 0)) == 0);
    CHECK(close(open2(directory, "deep/../file", O_RDONLY, RESOLVE_BENEATH)) == 0);
    FAILS(EXDEV, open2(directory, "up", O_RDONLY, RESOLVE_BENEATH));
    FAILS(EXDEV, open2(directory, "deep/../../out", O_RDONLY, RESOLVE_BENEATH));
    FAILS(EXDEV, open2(directory, "absolute", O_RDONLY, RESOLVE_BENEATH));
    FAILS(EXDEV, open2(directory, FOLDER "/in/file", O_RDONLY, RESOLVE_BENEATH));
    CHECK(close(open2(directory, "absolute", O_RDONLY, RESOLVE_IN_ROOT)) == 0);
    CHECK(close(open2(directory, "/../../file", O_RDONLY, RESOLVE_IN_ROOT)) == 0);
    CHECK(close(open2(directory, "/", O_RDONLY, RESOLVE_IN_ROOT)) == 0);
    FAILS(ENOENT, open2(directory, "up", O_RDONLY, RESOLVE_IN_ROOT));
    FAILS(ELOOP, open2(directory, "link", O_RDONLY, RESOLVE_NO_SYMLINKS));
    CHECK(close(open2(directory, "link", O_RDONLY, RESOLVE_NO_MAGICLINKS)) == 0);
    FAILS(EINVAL, open2(directory, "file", O_RDONLY, 1 << 20));
    FAILS(EINVAL, open2(directory, "file", UINT64_C(1) << 40, 0));
    FAILS(EINVAL, open2(directory, "file", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_BENEATH));
    FAILS(EINVAL, (int)syscall(SYS_openat2, directory, "file", wrong, 8));
    FAILS(E2BIG, (int)syscall(SYS_openat2, directory, "file", wrong, sizeof(wrong)));
    close(directory);
    CHECK(unlink("in/up") == 0 && unlink("in/absolute") == 0 && unlink("in/link") == 0 && unlink("in/file") == 0 &&
          unlink("out") == 0 && rmdir("in/deep") == 0 && rmdir("in") == 0);
}

static void unnamed(void)
{
    char path[64];
    struct stat status;
    int fd = open(".", O_TMPFILE | O_RDWR, 0600);

    CHECK(fd >= 0 && write(fd, "hidden", 6) == 6 && fstat(fd, &status) == 0 && status.st_nlink == 0);
    sprintf(path, "/proc/self/fd/%d", fd);
    CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW) == 0 && has_text("shown", "hidden"));
    CHECK(close(fd) == 0 && unlink("shown") == 0);
    FAILS(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0600));
    fd = memfd_create("memory", MFD_CLOEXEC);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && ftruncate(fd, 8192) == 0);
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(area != MAP_FAILED && pwrite(fd, "x", 1, 5000) == 1 && area[5000] == 'x');
    CHECK(munmap(area, 8192) == 0 && close(fd) == 0);
    FAILS(EINVAL, memfd_create("memory", 0x1000));
}

static void listing(void)
{
    char name[16], seen[16];
    DIR *directory;
    long at;

    CHECK(mkdir("list", 0755) == 0);
    for (int i = 0; i < 10; i++) {
        sprintf(name, "list/%d", i);
        make_text(name, "");
    }
    directory = opendir("list");
    for (int i = 0; i < 5; i++)
        CHECK(readdir(directory) != NULL);
    at = telldir(directory);
    strcpy(seen, readdir(directory)->d_name);
    CHECK(unlink("list/0") == 0 || errno == ENOENT);
    while (readdir(directory) != NULL)
        ;
    seekdir(directory, at); /* the same entry, though another has gone */
    CHECK(strcmp(seen, "0") == 0 || strcmp(readdir(directory)->d_name, seen) == 0);
    rewinddir(directory);
    int count = 0;
    while (readdir(directory) != NULL)
        count++;
    CHECK(count == 11 && closedir(directory) == 0);
    for (int i = 1; i < 10; i++) {
        sprintf(name, "list/%d", i);
        CHECK(unlink(name) == 0);
    }
    CHECK(rmdir("list") == 0);
}

/* ---- what is kept of a node ---- */

static void attributes(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 5}, {.tv_sec = 2000, .tv_nsec = 7}},
                          omit[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}},
                          half[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}},
                          wrong[2] = {{.tv_nsec = 1000000000}, {.tv_nsec = 0}};
    struct stat status;
    struct statfs space;
    time_t now;

    make_text("f", "text");
    CHECK(symlink("f", "l") == 0);
    now = time(NULL);
    CHECK(now > 1700000000 && stat("f", &status) == 0 && status.st_mtime >= now - 2 && status.st_mtime <= now + 2);
    CHECK(utimensat(AT_FDCWD, "l", times, 0) == 0 && stat("f", &status) == 0);
    CHECK(status.st_atim.tv_sec == 1000 && status.st_atim.tv_nsec == 5 && status.st_mtim.tv_sec == 2000 &&
          status.st_mtim.tv_nsec == 7);
    CHECK(utimensat(AT_FDCWD, "f", omit, 0) == 0 && utimensat(AT_FDCWD, "f", half, 0) == 0 && stat("f", &status) == 0);
    CHECK(status.st_atim.tv_sec == 1000 && status.st_mtim.tv_sec >= now);
    CHECK(utimensat(AT_FDCWD, "l", times, AT_SYMLINK_NOFOLLOW) == 0 && lstat("l", &status) == 0 &&
          status.st_mtim.tv_sec == 2000);
    FAILS(EINVAL, utimensat(AT_FDCWD, "f", wrong, 0));
    FAILS(EINVAL, utimensat(AT_FDCWD, "f", times, 0x8000));
    CHECK(fchmodat(AT_FDCWD, "l", 0604, 0) == 0 && stat("f", &status) == 0 && (status.st_mode & 07777) == 0604);
    CHECK(fchownat(AT_FDCWD, "f", (uid_t)-1, (gid_t)-1, 0) == 0);
    FAILS(EINVAL, fchownat(AT_FDCWD, "f", (uid_t)-1, (gid_t)-1, 0x8000));
    FAILS(EINVAL, (int)syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0x8000));
    FAILS(EINVAL, faccessat(AT_FDCWD, "f", 8, 0));
    CHECK(syscall(SYS_faccessat2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && access("f", R_OK | W_OK) == 0);
    CHECK(statfs("f", &space) == 0 && space.f_bsize >= 512 && space.f_blocks > 0 && space.f_namelen == 255);
    FAILS(ENOENT, statfs("missing", &space));
    CHECK(mkfifo("p", 0600) == 0 && lstat("p", &status) == 0 && S_ISFIFO(status.st_mode) &&
          mknod("n", S_IFREG | 0600, 0) == 0 && lstat("n", &status) == 0 && S_ISREG(status.st_mode));
    CHECK(unlink("f") == 0 && unlink("l") == 0 && unlink("p") == 0 && unlink("n") == 0);
}

/* ---- bytes ---- */

static bool is_zero(int fd, off_t first, size_t length)
{
    char bytes[4096];

    CHECK(length <= sizeof(bytes) && pread(fd, bytes, length, first) == (ssize_t)length);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void room(void)
{
    const int fd = open("r", O_RDWR | O_CREAT, 0600), reader = open("r", O_RDONLY);
    char bytes[4096];
    struct stat status;

    memset(bytes, 'x', sizeof(bytes));
    for (int i = 0; i < 4; i++)
        CHECK(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536) == 0 && fstat(fd, &status) == 0 && status.st_size == 16384);
    CHECK(fallocate(fd, 0, 20000, 100) == 0 && fstat(fd, &status) == 0 && status.st_size == 20100);
    CHECK(fallocate(fd, 0, 0, 100) == 0 && fstat(fd, &status) == 0 && status.st_size == 20100 && !is_zero(fd, 0, 1));
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 8192) == 0);
    CHECK(is_zero(fd, 100, 4096) && is_zero(fd, 4196, 4096) && !is_zero(fd, 99, 1) && !is_zero(fd, 8292, 1));
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 9000, 5) == 0 && is_zero(fd, 9000, 5) &&
          !is_zero(fd, 8999, 1) && !is_zero(fd, 9005, 1));
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 12288, 100000) == 0 && is_zero(fd, 12288, 4096) &&
          fstat(fd, &status) == 0 && status.st_size == 20100);
    FAILS(EINVAL, fallocate(fd, 0, -1, 5));
    FAILS(EINVAL, fallocate(fd, 0, 0, 0));
    FAILS(EBADF, fallocate(reader, 0, 0, 5));
    FAILS(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 5));
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0 && posix_fadvise(fd, 0, 0, 77) == EINVAL &&
          readahead(fd, 0, 100) == 0 && syncfs(fd) == 0 && sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0);
    FAILS(EBADF, readahead(-1, 0, 100));
    close(reader);
    close(fd);
    CHECK(unlink("r") == 0);
}

static void copies(void)
{
    const int from = open("from", O_RDWR | O_CREAT, 0600), to = open("to", O_RDWR | O_CREAT, 0600);
    loff_t in = 2, out = 10;
    off_t offset = 1;
    char bytes[16] = {0};
    struct iovec part = {bytes, 4};
    int ends[2];

    CHECK(pwrite(from, "0123456789", 10, 0) == 10);
    CHECK(copy_file_range(from, &in, to, &out, 5, 0) == 5 && in == 7 && out == 15);
    CHECK(copy_file_range(from, NULL, to, NULL, 100, 0) == 10 && lseek(from, 0, SEEK_CUR) == 10 &&
          lseek(to, 0, SEEK_CUR) == 10 && copy_file_range(from, NULL, to, NULL, 100, 0) == 0);
    CHECK(pread(to, bytes, 15, 0) == 15 && memcmp(bytes, "012345678923456", 15) == 0);
    in = 0;
    out = 3;
    FAILS(EINVAL, copy_file_range(from, &in, from, &out, 5, 0));
    FAILS(EINVAL, copy_file_range(from, &in, to, &out, 5, 1));
    CHECK(pipe(ends) == 0 && sendfile(ends[1], from, &offset, 4) == 4 && offset == 5);
    CHECK(read(ends[0], bytes, 16) == 4 && memcmp(bytes, "1234", 4) == 0);
    FAILS(EINVAL, copy_file_range(from, &in, ends[1], NULL, 5, 0));
    CHECK(lseek(from, 6, SEEK_SET) == 6 && preadv2(from, &part, 1, 0, 0) == 4 && memcmp(bytes, "0123", 4) == 0);
    CHECK(preadv2(from, &part, 1, -1, 0) == 4 && memcmp(bytes, "6789", 4) == 0 && lseek(from, 0, SEEK_CUR) == 10);
    CHECK(pwritev2(from, &part, 1, 0, is_all ? RWF_SYNC : 0) == 4 && pread(from, bytes, 4, 0) == 4 &&
          memcmp(bytes, "6789", 4) == 0);
    FAILS(EOPNOTSUPP, preadv2(from, &part, 1, 0, 1 << 20));
    CHECK(close_range((unsigned)from, (unsigned)from, 0) == 0);
    FAILS(EBADF, close(from));
    CHECK(close_range((unsigned)to, (unsigned)to, CLOSE_RANGE_CLOEXEC) == 0 && fcntl(to, F_GETFD) == FD_CLOEXEC);
    FAILS(EINVAL, close_range(5, 4, 0));
    CHECK(unlink("from") == 0 && unlink("to") == 0);
}

/* Whether a call is there, as all have to be. */
static bool is_known(long number)
{
    return syscall(number, -1, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS || is_all;
}

int main(int argc, char **argv)
{
    is_all = argc == 2 && strcmp(argv[1], "all") == 0;
    CHECK(mkdir(FOLDER, 0755) == 0 && chdir(FOLDER) == 0);
    renames();
    if (is_known(SYS_openat2))
        opens_within();
    unnamed();
    listing();
    attributes();
    room();
    copies();
    CHECK(chdir("/") == 0 && rmdir(FOLDER) == 0);
    puts("names: good");
    return 0;
}
