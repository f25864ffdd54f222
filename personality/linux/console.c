/* SPDX-License-Identifier: MIT */
/* The machine's console of last resort as a terminal: it can be written and read, and nothing else. */
#include "console.h"

#include "memory.h"
#include "waiters.h"

#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/machine.h>
#include <winkle/print.h>

#include <asm/stat.h>
#include <linux/stat.h>

#define PART_BYTES 256
#define LOOK_AGAIN_NS UINT64_C(5000000)

static int64_t read(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    uint64_t byte = 0, done = 0;

    (void)file;
    if (position != POSITION_CURRENT)
        return -ESPIPE;
    while (done < bytes) {
        const enum wk_status status = wk_machine_console_read(wk_self.machine, &byte);
        char got = (char)byte;

        if (status == WK_WOULD_BLOCK && done != 0)
            break;
        if (status == WK_WOULD_BLOCK) {
            const int64_t waited = wait_for_event(wk_after_ns(LOOK_AGAIN_NS));

            if (waited != 0 && waited != -ETIMEDOUT)
                return waited;
            continue;
        }
        if (status != WK_OK)
            return done != 0 ? (int64_t)done : error_of(status);
        if (got == '\r')
            got = '\n';
        wk_console_write(&got, 1);
        if (copy_out(buffer + done, &got, 1) != 0)
            return -EFAULT;
        done++;
        if (got == '\n')
            break;
    }
    return (int64_t)done;
}

static int64_t write(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    char part[PART_BYTES];

    (void)file;
    if (position != POSITION_CURRENT)
        return -ESPIPE;
    for (uint64_t done = 0; done < bytes; done += sizeof(part)) {
        const uint64_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);

        if (copy_in(part, buffer + done, count) != 0)
            return done != 0 ? (int64_t)done : -EFAULT;
        wk_console_write(part, count);
    }
    return (int64_t)bytes;
}

static int64_t status(struct file *file, struct stat *status)
{
    (void)file;
    *status = (struct stat){
        .st_mode = S_IFCHR | 0620, .st_nlink = 1, .st_ino = 1, .st_dev = 4, .st_rdev = 0x501, .st_blksize = 1024};
    return 0;
}

static const struct file_operations console_operations = {.read = read, .write = write, .status = status};

int64_t console_open(uint32_t flags, struct file **file)
{
    *file = file_make(&console_operations, 0, flags);
    if (*file == NULL)
        return -ENOMEM;
    (*file)->kind = WK_NODE_KIND_CHARACTER;
    return 0;
}
