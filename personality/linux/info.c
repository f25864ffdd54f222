/* SPDX-License-Identifier: MIT */
/* What programs ask about the system and their limits. */
#include "calls.h"
#include "devices.h"
#include "files.h"

#include <winkle/bank.h>
#include <winkle/clock.h>
#include <winkle/print.h>
#include <winkle/text.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#include <linux/capability.h>
#include <linux/random.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

#define RANDOM_PART 256
#define NICENESS_MAX 19

/* Keys and values of riscv_hwprobe. */
enum {
    HWPROBE_BASE = 3,
    HWPROBE_BASE_IMA = 1,
    HWPROBE_EXTENSIONS = 4,
    HWPROBE_FD = 1,
    HWPROBE_C = 2,
    HWPROBE_SPEED = 5
};

int64_t linux_uname(uint64_t name)
{
    /* Programs look at the release for what the kernel can do: it is that of the interface that is served. */
    static const struct new_utsname told = {
        .sysname = "Linux",
        .nodename = "winkle",
        .release = "6.12.0-winkle",
        .version = "#1 Winkle",
        .machine = "riscv64",
        .domainname = "(none)",
    };

    return copy_out(name, &told, sizeof(told));
}

static bool read_bank(uint64_t *total, uint64_t *used)
{
    uint64_t objects, children;
    enum wk_bank_kind kind;

    return wk_bank_info(wk_self.bank, total, used, &objects, &children, &kind) == WK_OK;
}

int64_t linux_sysinfo(uint64_t info)
{
    struct sysinfo told = {.uptime = (long)(wk_now_ns() / WK_NS_PER_SECOND), .procs = 1, .mem_unit = WK_PAGE_BYTES};
    uint64_t total, used;

    if (read_bank(&total, &used)) {
        told.totalram = total;
        told.freeram = total - used;
    }
    return copy_out(info, &told, sizeof(told));
}

int64_t linux_getrandom(uint64_t buffer, uint64_t bytes, uint64_t flags)
{
    uint8_t part[RANDOM_PART];

    if ((flags & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0)
        return -EINVAL;
    for (uint64_t done = 0; done < bytes; done += sizeof(part)) {
        const uint64_t count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);

        device_random(part, count);
        if (copy_out(buffer + done, part, count) != 0)
            return -EFAULT;
    }
    return (int64_t)bytes;
}

/* ---- limits ---- */

static uint64_t limits[RLIM_NLIMITS][2]; /* those that were set */
static uint32_t limits_set;

static void fill_limit(int resource, uint64_t limit[2])
{
    limit[0] = limit[1] = RLIM64_INFINITY;
    if ((limits_set >> resource & 1) != 0) {
        memcpy(limit, limits[resource], sizeof(limits[0]));
        return;
    }
    switch (resource) {
    case RLIMIT_STACK:
        limit[0] = STACK_BYTES;
        break;
    case RLIMIT_NOFILE:
        limit[0] = limit[1] = DESCRIPTORS_MAX;
        break;
    case RLIMIT_CORE:
    case RLIMIT_MEMLOCK:
    case RLIMIT_NICE:
    case RLIMIT_RTPRIO:
        limit[0] = limit[1] = 0;
        break;
    default:
        break;
    }
}

/* It is kept and told, and passed on; what binds is how many descriptors there may be. */
static int64_t set_limit(int resource, const uint64_t limit[2], const uint64_t before[2])
{
    if (limit[0] > limit[1])
        return -EINVAL;
    if ((limit[1] > before[1] && linux_process.effective_user != 0) ||
        (resource == RLIMIT_NOFILE && limit[1] > DESCRIPTORS_MAX))
        return -EPERM;
    memcpy(limits[resource], limit, sizeof(limits[0]));
    limits_set |= 1U << resource;
    if (resource == RLIMIT_NOFILE)
        descriptors_limit = (int)limit[0];
    return 0;
}

int64_t linux_prlimit64(int pid, int resource, uint64_t new, uint64_t before)
{
    uint64_t limit[2], wanted[2];

    if (resource < 0 || resource >= RLIM_NLIMITS)
        return -EINVAL;
    if (pid != 0 && pid != (int)linux_process.page->pid)
        return -EPERM;
    if (new != 0 && copy_in(wanted, new, sizeof(wanted)) != 0)
        return -EFAULT;
    fill_limit(resource, limit);
    if (before != 0 && copy_out(before, limit, sizeof(limit)) != 0)
        return -EFAULT;
    if (new == 0)
        return 0;
    return set_limit(resource, wanted, limit);
}

int64_t linux_getrusage(int who, uint64_t usage)
{
    struct rusage told = {0};
    uint64_t used = 0;

    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
        return -EINVAL;
    if (who != RUSAGE_CHILDREN)
        wk_thread_usage(current()->handle, &used);
    told.ru_utime.tv_sec = (long)(used / WK_NS_PER_SECOND);
    told.ru_utime.tv_usec = (long)(used % WK_NS_PER_SECOND / 1000);
    return copy_out(usage, &told, sizeof(told));
}

/* Priorities are budgets' (docs/budgets.md): a program has those that it was given. How nice it is, is kept and told. */
static int64_t niceness;

static bool is_own(int which, int who)
{
    return which == PRIO_PROCESS && (who == 0 || who == current()->tid);
}

int64_t linux_getpriority(int which, int who)
{
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    return is_own(which, who) ? NICENESS_MAX + 1 - niceness : NICENESS_MAX + 1;
}

int64_t linux_setpriority(int which, int who, int priority)
{
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    if (is_own(which, who) && priority < niceness)
        return -EACCES;
    if (is_own(which, who))
        niceness = priority < NICENESS_MAX ? priority : NICENESS_MAX;
    return 0;
}

/* A thread of the process, or a process that its process service knows. All of them run on the first hart. */
static bool is_known(int tid)
{
    return tid == 0 || (tid > 0 && (linux_tkill(tid, 0) == 0 || linux_kill(tid, 0) == 0));
}

int64_t linux_sched_setaffinity(int tid, uint64_t bytes, uint64_t mask)
{
    uint64_t harts = 0;

    if (!is_known(tid))
        return -ESRCH;
    if (copy_in(&harts, mask, bytes < sizeof(harts) ? bytes : sizeof(harts)) != 0)
        return -EFAULT;
    return (harts & 1) == 0 ? -EINVAL : 0;
}

int64_t linux_sched_getaffinity(int tid, uint64_t bytes, uint64_t mask)
{
    uint64_t told[1] = {1};

    if (!is_known(tid))
        return -ESRCH;
    if (bytes < sizeof(told))
        return -EINVAL;
    return copy_out(mask, told, sizeof(told)) == 0 ? (int64_t)sizeof(told) : -EFAULT;
}

int64_t linux_getcpu(uint64_t cpu, uint64_t node, uint64_t unused)
{
    const uint32_t zero = 0;

    (void)unused;
    if ((cpu != 0 && copy_out(cpu, &zero, sizeof(zero)) != 0) ||
        (node != 0 && copy_out(node, &zero, sizeof(zero)) != 0))
        return -EFAULT;
    return 0;
}

int64_t linux_capget(uint64_t header, uint64_t data)
{
    struct __user_cap_data_struct none[2] = {{0}};
    struct __user_cap_header_struct given;
    const bool asks_version = data == 0;

    if (copy_in(&given, header, sizeof(given)) != 0)
        return -EFAULT;
    switch (given.version) {
    case _LINUX_CAPABILITY_VERSION_1:
        return asks_version ? 0 : copy_out(data, none, sizeof(none[0]));
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3:
        return asks_version ? 0 : copy_out(data, none, sizeof(none));
    default:
        given.version = _LINUX_CAPABILITY_VERSION_3;
        if (copy_out(header, &given, sizeof(given)) != 0)
            return -EFAULT;
        return asks_version ? 0 : -EINVAL;
    }
}

/* Source: Linux's Documentation/arch/riscv/hwprobe.rst. What is not known here is told by the key -1. */
int64_t linux_riscv_hwprobe(uint64_t pairs, uint64_t count, uint64_t cpu_count, uint64_t cpus, uint64_t flags)
{
    (void)cpu_count;
    (void)cpus;
    if (flags != 0)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        int64_t pair[2];

        if (copy_in(pair, pairs + i * sizeof(pair), sizeof(pair)) != 0)
            return -EFAULT;
        pair[1] = pair[0] == HWPROBE_BASE         ? HWPROBE_BASE_IMA
                  : pair[0] == HWPROBE_EXTENSIONS ? HWPROBE_FD | HWPROBE_C
                                                  : 0;
        if (pair[0] < 0 || pair[0] > HWPROBE_SPEED)
            pair[0] = -1;
        if (copy_out(pairs + i * sizeof(pair), pair, sizeof(pair)) != 0)
            return -EFAULT;
    }
    return 0;
}

int64_t linux_riscv_flush_icache(uint64_t start, uint64_t end, uint64_t flags)
{
    (void)start;
    (void)end;
    (void)flags;
    return error_of(wk_process_synchronize_code(wk_self.process));
}

int64_t linux_missing(const uint64_t a[static 8])
{
    static uint64_t told[LINUX_TABLE_COUNT / 64];
    const uint64_t number = a[7];

    if (linux_process.is_watched && number < LINUX_TABLE_COUNT &&
        (told[number / 64] & UINT64_C(1) << number % 64) == 0) {
        told[number / 64] |= UINT64_C(1) << number % 64;
        wk_print("linux: %s: call %lu is not served\n", linux_process.name, number);
    }
    return -ENOSYS;
}
