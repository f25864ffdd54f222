/* SPDX-License-Identifier: MIT */
/* Calls for which Linux asks privileges that no process has here, and features that a process may do without. */
#include "calls.h"
#include "linux.h"

#define PERSONALITY_ASKED 0xffffffff

int64_t linux_umount2(uint64_t path, uint64_t flags)
{
    (void)path;
    (void)flags;
    return -EPERM;
}

int64_t linux_mount(uint64_t source, uint64_t target, uint64_t kind, uint64_t flags, uint64_t data)
{
    (void)source;
    (void)target;
    (void)kind;
    (void)flags;
    (void)data;
    return -EPERM;
}

int64_t linux_syslog(int action, uint64_t buffer, int bytes)
{
    (void)action;
    (void)buffer;
    (void)bytes;
    return -EPERM;
}

int64_t linux_reboot(uint64_t magic, uint64_t magic2, uint64_t command, uint64_t argument)
{
    (void)magic;
    (void)magic2;
    (void)command;
    (void)argument;
    return -EPERM;
}

int64_t linux_sethostname(uint64_t name, uint64_t bytes)
{
    (void)name;
    (void)bytes;
    return -EPERM;
}

int64_t linux_setdomainname(uint64_t name, uint64_t bytes)
{
    (void)name;
    (void)bytes;
    return -EPERM;
}

int64_t linux_settimeofday(uint64_t time, uint64_t zone)
{
    (void)time;
    (void)zone;
    return -EPERM;
}

int64_t linux_unshare(uint64_t flags)
{
    return flags == 0 ? 0 : -EPERM;
}

/* Of what there are, only what programs ask for first is told apart: which one it has. */
int64_t linux_personality(uint64_t persona)
{
    static uint32_t own;
    const uint32_t before = own;

    if ((uint32_t)persona != PERSONALITY_ASKED)
        own = (uint32_t)persona;
    return before;
}
