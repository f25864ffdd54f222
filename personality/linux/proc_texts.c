/* SPDX-License-Identifier: MIT */
/*
 * Of the process itself the personality knows all; of others what the process service tells: number, parent, group, session, owner,
 * state, time, and name and command line as each has said.
 */
#include "proc_texts.h"

#include "memory.h"

#include <winkle/bank.h>
#include <winkle/clock.h>
#include <winkle/posix.h>
#include <winkle/print.h>
#include <winkle/text.h>

#include <linux/mman.h>

#define KIB_PER_PAGE (WK_PAGE_BYTES / 1024)
#define NS_PER_TICK (WK_NS_PER_SECOND / 100)

/* Appends to `text`, of which `used` is full. */
#define WRITE(...) (used += wk_print_text(text + used, PROC_TEXT_BYTES - used, __VA_ARGS__))

/* ---- what is known of processes ---- */

bool proc_describe(uint64_t at_least, struct proc_about *about)
{
    uint64_t parent_group = 0, session_state = 0, name[2] = {0}, user_length = 0, part[5];

    *about = (struct proc_about){0};
    if (wk_posix_describe(linux_process.posix, at_least, &about->pid, &parent_group, &session_state, &name[0], &name[1],
                          &about->used_ns) != WK_OK)
        return false;
    wk_posix_arguments(linux_process.posix, about->pid, 0, &user_length, &part[0], &part[1], &part[2], &part[3],
                       &part[4]);
    about->parent = parent_group & UINT32_MAX;
    about->group = parent_group >> 32;
    about->session = session_state & UINT32_MAX;
    about->state = (char)(session_state >> 32);
    about->user = (uint32_t)user_length;
    memcpy(about->name, name, NAME_BYTES);
    return true;
}

bool proc_find(uint64_t pid, struct proc_about *about)
{
    return proc_describe(pid, about) && about->pid == pid;
}

/* ---- of the system ---- */

static uint64_t write_meminfo(char *text, const struct proc_about *about)
{
    uint64_t total = 0, taken = 0, objects, children, used = 0;
    enum wk_bank_kind kind;

    (void)about;
    wk_bank_info(wk_self.bank, &total, &taken, &objects, &children, &kind);
    WRITE("MemTotal:       %lu kB\nMemFree:        %lu kB\nMemAvailable:   %lu kB\n", total * KIB_PER_PAGE,
          (total - taken) * KIB_PER_PAGE, (total - taken) * KIB_PER_PAGE);
    WRITE("Buffers:        0 kB\nCached:         0 kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n");
    WRITE("SReclaimable:   0 kB\n");
    return used;
}

static uint64_t write_cpuinfo(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    (void)about;
    WRITE("processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n");
    return used;
}

static uint64_t write_mounts(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    (void)about;
    WRITE("root / tmpfs rw 0 0\nproc /proc proc rw 0 0\n");
    return used;
}

static uint64_t write_uptime(char *text, const struct proc_about *about)
{
    const uint64_t hundredths = wk_now_ns() / (WK_NS_PER_SECOND / 100);
    uint64_t used = 0;

    (void)about;
    WRITE("%lu.%lu%lu 0.00\n", hundredths / 100, hundredths / 10 % 10, hundredths % 10);
    return used;
}

/* What processes that are there have used; all else counts as idle. */
static uint64_t write_system_stat(char *text, const struct proc_about *about)
{
    uint64_t ns = 0, used = 0, ticks, idle, processes = 0;
    struct proc_about next = {.pid = 0};

    (void)about;
    for (; proc_describe(next.pid + 1, &next); processes++)
        ns += next.used_ns;
    ticks = ns / NS_PER_TICK;
    idle = wk_now_ns() / NS_PER_TICK - ticks;
    WRITE("cpu  %lu 0 0 %lu 0 0 0 0 0 0\ncpu0 %lu 0 0 %lu 0 0 0 0 0 0\n", ticks, idle, ticks, idle);
    WRITE("ctxt 0\nbtime 0\nprocesses %lu\nprocs_running 1\nprocs_blocked 0\n", processes);
    return used;
}

static uint64_t write_loadavg(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    (void)about;
    WRITE("0.00 0.00 0.00 1/1 %lu\n", linux_process.page->pid);
    return used;
}

static uint64_t write_version(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    (void)about;
    WRITE("Linux version 6.12.0-winkle (Winkle)\n");
    return used;
}

static uint64_t write_filesystems(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    (void)about;
    WRITE("nodev\ttmpfs\nnodev\tproc\n");
    return used;
}

const struct proc_text proc_system_texts[] = {
    {"cpuinfo", write_cpuinfo, false}, {"filesystems", write_filesystems, false}, {"loadavg", write_loadavg, false},
    {"meminfo", write_meminfo, false}, {"mounts", write_mounts, false},           {"stat", write_system_stat, false},
    {"uptime", write_uptime, false},   {"version", write_version, false},         {NULL, NULL, false},
};

/* ---- of processes ---- */

static uint64_t write_comm(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    WRITE("%s\n", about->name);
    return used;
}

/* As the process has told it; at its end nothing, as on Linux. */
static uint64_t write_told_arguments(char *text, const struct proc_about *about)
{
    uint64_t length = WK_ARGUMENTS_MAX, position = 0;

    for (; position < length && about->state != 'Z'; position += WK_ARGUMENTS_PART) {
        uint64_t user_length = 0, part[WK_ARGUMENTS_PART / sizeof(uint64_t)];

        if (wk_posix_arguments(linux_process.posix, about->pid, position, &user_length, &part[0], &part[1], &part[2],
                               &part[3], &part[4]) != WK_OK)
            return 0;
        length = user_length >> 32;
        memcpy(text + position, part, sizeof(part));
    }
    return position < length ? position : length;
}

/* One's own lie on the program's stack, where it may have changed them. */
static uint64_t write_cmdline(char *text, const struct proc_about *about)
{
    const uint64_t bytes = linux_process.arguments_bytes;
    const uint64_t count = bytes < PROC_TEXT_BYTES ? bytes : PROC_TEXT_BYTES;

    if (about->pid != linux_process.page->pid)
        return write_told_arguments(text, about);
    return copy_in(text, linux_process.arguments, count) == 0 ? count : 0;
}

static uint64_t write_stat(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    WRITE("%lu (%s) %c %lu %lu %lu 1280 -1 0 0 0 0 0 %lu 0 0 0 20 0 1 0 0 0 0\n", about->pid, about->name, about->state,
          about->parent, about->group, about->session, about->used_ns / NS_PER_TICK);
    return used;
}

static const char *state_name(char state)
{
    switch (state) {
    case 'S':
        return "S (sleeping)";
    case 'T':
        return "T (stopped)";
    case 'Z':
        return "Z (zombie)";
    default:
        return "R (running)";
    }
}

static uint64_t write_status(char *text, const struct proc_about *about)
{
    const struct process *own = &linux_process;
    uint64_t used = 0;

    WRITE("Name:\t%s\nState:\t%s\nTgid:\t%lu\nPid:\t%lu\nPPid:\t%lu\n", about->name, state_name(about->state),
          about->pid, about->pid, about->parent);
    if (about->pid != own->page->pid) {
        WRITE("Uid:\t%u\t%u\t%u\t%u\n", about->user, about->user, about->user, about->user);
        return used;
    }
    WRITE("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", own->user, own->effective_user, own->saved_user,
          own->effective_user, own->group, own->effective_group, own->saved_group, own->effective_group);
    return used;
}

static uint64_t write_maps(char *text, const struct proc_about *about)
{
    uint64_t used = 0;

    (void)about;
    for (uint64_t i = 0; i < space.count; i++) {
        const struct area *area = &space.areas[i];

        WRITE("%lx-%lx %c%c%c%c 00000000 00:00 0\n", area->start, area->end,
              (area->protection & PROT_READ) != 0 ? 'r' : '-', (area->protection & PROT_WRITE) != 0 ? 'w' : '-',
              (area->protection & PROT_EXEC) != 0 ? 'x' : '-', area->backing->is_shared ? 's' : 'p');
    }
    return used;
}

const struct proc_text proc_process_texts[] = {
    {"cmdline", write_cmdline, false},
    {"comm", write_comm, false},
    {"stat", write_stat, false},
    {"status", write_status, false},
    {"maps", write_maps, true},
    {"mounts", write_mounts, true},
    {NULL, NULL, false},
};
