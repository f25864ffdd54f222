/* SPDX-License-Identifier: MIT */
/* The devices that need nobody else: null, zero, full, random, urandom; and the way to the terminal. */
#include "devices.h"

#include "memory.h"
#include "node.h"
#include "terminal.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/text.h>

#include <asm/stat.h>

#define PART_BYTES 512

/* Device numbers as in Linux's Documentation/admin-guide/devices.txt. */
#define DEVICE(major, minor) ((uint64_t)(major) << 8 | (minor))

/* ---- random bytes ---- */

static uint64_t random_state[4];

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* xoshiro256**, seeded by what differs from one start to the next. It is no source of secrets: the machine has none. */
static uint64_t random_word(void)
{
    uint64_t *s = random_state;
    const uint64_t result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

void device_random(void *to, uint64_t bytes)
{
    uint8_t *at = to;

    wk_lock_take(&linux_lock);
    random_state[0] ^= wk_now_ns() | UINT64_C(1) << 63;
    random_state[1] ^= wk_instructions();
    random_state[2] ^= (uint64_t)linux_process.page->pid * UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t i = 0; i < bytes; i += sizeof(uint64_t)) {
        const uint64_t word = random_word();

        memcpy(at + i, &word, bytes - i < sizeof(word) ? bytes - i : sizeof(word));
    }
    wk_lock_release(&linux_lock);
}

/* ---- the devices ---- */

static int64_t read_nothing(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    (void)file;
    (void)buffer;
    (void)bytes;
    (void)position;
    return 0;
}

static int64_t write_all(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    (void)file;
    (void)buffer;
    (void)position;
    return (int64_t)bytes;
}

static int64_t write_none(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    (void)file;
    (void)buffer;
    (void)position;
    return bytes == 0 ? 0 : -ENOSPC;
}

/* Fills the program's buffer part by part. */
static int64_t fill(uint64_t buffer, uint64_t bytes, void (*make)(void *to, uint64_t bytes))
{
    uint8_t part[PART_BYTES];

    for (uint64_t done = 0; done < bytes; done += sizeof(part)) {
        const uint64_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);

        make(part, count);
        if (copy_out(buffer + done, part, count) != 0)
            return done != 0 ? (int64_t)done : -EFAULT;
    }
    return (int64_t)bytes;
}

static void make_zeros(void *to, uint64_t bytes)
{
    memset(to, 0, bytes);
}

static int64_t read_zeros(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    (void)file;
    (void)position;
    return fill(buffer, bytes, make_zeros);
}

static int64_t read_random(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    (void)file;
    (void)position;
    return fill(buffer, bytes, device_random);
}

static int64_t seek(struct file *file, int64_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

static int64_t status(struct file *file, struct stat *status)
{
    return node_operations.status(file, status);
}

static int64_t poll(struct file *file, uint32_t events)
{
    (void)file;
    return (int64_t)(events & 0x45); /* POLLIN, POLLOUT, POLLRDNORM */
}

static const struct file_operations null_operations = {.read = read_nothing,
                                                       .write = write_all,
                                                       .seek = seek,
                                                       .status = status,
                                                       .poll = poll,
                                                       .get_flags = wk_file_description_flags,
                                                       .set_flags = wk_file_set_description_flags,
                                                       .stream = WK_STREAM_NULL};
static const struct file_operations zero_operations = {.read = read_zeros,
                                                       .write = write_all,
                                                       .seek = seek,
                                                       .status = status,
                                                       .poll = poll,
                                                       .get_flags = wk_file_description_flags,
                                                       .set_flags = wk_file_set_description_flags};
static const struct file_operations full_operations = {.read = read_zeros,
                                                       .write = write_none,
                                                       .seek = seek,
                                                       .status = status,
                                                       .poll = poll,
                                                       .get_flags = wk_file_description_flags,
                                                       .set_flags = wk_file_set_description_flags};
static const struct file_operations random_operations = {.read = read_random,
                                                         .write = write_all,
                                                         .seek = seek,
                                                         .status = status,
                                                         .poll = poll,
                                                         .get_flags = wk_file_description_flags,
                                                         .set_flags = wk_file_set_description_flags};

int64_t device_open(wk_handle node, uint64_t device, uint32_t flags, struct file **file)
{
    static const struct {
        uint64_t number;
        const struct file_operations *operations;
    } devices[] = {
        {DEVICE(1, 3), &null_operations},   {DEVICE(1, 5), &zero_operations},   {DEVICE(1, 7), &full_operations},
        {DEVICE(1, 8), &random_operations}, {DEVICE(1, 9), &random_operations},
    };

    if (device == DEVICE(5, 0) || device == DEVICE(5, 1)) {
        wk_capability_delete(node);
        return terminal_open(flags, file);
    }
    for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (devices[i].number != device)
            continue;
        *file = file_make(devices[i].operations, node, flags);
        if (*file == NULL)
            return -ENOMEM;
        (*file)->is_node = true;
        (*file)->kind = WK_NODE_KIND_CHARACTER;
        (*file)->device = device;
        return 0;
    }
    wk_capability_delete(node);
    return -ENXIO;
}
