/* SPDX-License-Identifier: MIT */
/* The simulated machine around the processors: its harts' turns, its clock, and how it is booted. What stands around
 * them: devices.c. */
#include "frame.h"
#include "host.h"
#include "lock.h"
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <winkle/boot.h>

/* More turns than any operation of a test takes: who needs more makes no progress. */
#define TURNS_MAX 10000000
/* A hart that passes more preemption points than any operation of a test takes only waits for another thread. */
#define POINTS_MAX 20000

char *host_ram;
uint64_t host_ram_bytes;
uint64_t host_tim_bytes;
uint64_t host_time_ns;
uint64_t host_instructions;
uint64_t arch_boot_instructions;
uint64_t host_allocations_left = UINT64_MAX;
void (*host_preemption_hook)(void);

static struct hart hart_storage[HARTS_MAX];
static struct host_machine machine;
static uint64_t random_state;

/* ---- turns of the harts ---- */

uint64_t host_interrupts_waiting(struct hart *hart)
{
    return (hart->arch.software_interrupt ? ARCH_INTERRUPT_SOFTWARE : 0u) |
           (hart->arch.timer_ns <= host_time_ns ? ARCH_INTERRUPT_TIMER : 0u) |
           (host_irq_waits(hart) ? ARCH_INTERRUPT_EXTERNAL : 0u);
}

/* A hart in the kernel that waits, spinning, for what a thread has to do that another hart does not run. */
static bool spins(const struct hart *hart)
{
    return hart->arch.state == HOST_STATE_KERNEL && hart->arch.points > POINTS_MAX;
}

static bool has_work(struct hart *hart)
{
    if (hart->arch.state == HOST_STATE_KERNEL)
        return !spins(hart);
    return hart->arch.state != HOST_STATE_OFF && host_interrupts_waiting(hart) != 0;
}

/* The hart whose turn it is, from `first` on; NULL if none has anything to do. */
static struct hart *next_turn(unsigned first)
{
    for (unsigned i = 0; i < hart_count; i++) {
        struct hart *hart = harts[(first + i) % hart_count];

        if (has_work(hart))
            return hart;
    }
    return NULL;
}

static unsigned draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 32);
}

static void take_turn(struct hart *hart)
{
    struct hart *before = host_hart;

    if (hart->arch.state == HOST_STATE_USER) {
        hart->arch.trap = HOST_TRAP_INTERRUPT;
        hart->arch.state = HOST_STATE_KERNEL;
    }
    host_hart = hart;
    host_fiber_resume(hart->arch.fiber);
    host_hart = before;
}

void host_run(void)
{
    unsigned first = host_hart->index;

    for (unsigned i = 0; i < hart_count; i++)
        harts[i]->arch.points = 0;
    for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
        struct hart *hart = next_turn(machine.seed != 0 ? draw() : first);

        if (hart == NULL)
            return;
        take_turn(hart);
        if (host_stopped != HOST_STOP_NONE)
            return;
        first = hart->index + 1;
    }
    host_fail("the harts make no progress");
}

/* Whether it is another hart's turn. Without the lock a hart that makes no progress ends its turn for good. */
static bool gives_turn_away(void)
{
    if (++host_hart->arch.points > POINTS_MAX && !kernel_lock_is_held())
        return true;
    for (unsigned i = 0; i < hart_count; i++)
        if (harts[i] != host_hart && has_work(harts[i]))
            return true;
    return false;
}

void host_interleave(void)
{
    if (!host_fiber_runs())
        return;
    if (gives_turn_away())
        host_fiber_yield();
    else if (host_hart->arch.points > TURNS_MAX)
        host_fail("a hart spins and no other can help it");
    if (!kernel_lock_is_held() && host_preemption_hook != NULL)
        host_preemption_hook();
}

void arch_idle(void)
{
    if (kernel_lock_is_held() && hart_count == 1)
        host_fail("arch_idle with the lock held");
    while (host_interrupts_waiting(host_hart) == 0) {
        host_hart->arch.state = HOST_STATE_ASLEEP;
        host_fiber_yield();
    }
    host_hart->arch.state = HOST_STATE_KERNEL;
}

/* ---- interrupts and time ---- */

void arch_hart_notify(struct hart *hart)
{
    hart->arch.software_interrupt = true;
}

void arch_interrupts_take(void)
{
    if (host_hart->arch.software_interrupt) {
        host_hart->arch.software_interrupt = false;
        trap_software();
    }
    if (host_hart->arch.timer_ns <= host_time_ns)
        trap_timer();
    if (host_irq_waits(host_hart))
        trap_external();
}

void host_timer_set(uint64_t time_ns)
{
    host_hart->arch.timer_ns = time_ns;
}

void host_time_pass_to(uint64_t time_ns)
{
    /* Stops at every time at which a timer interrupt is due, as time does. */
    for (;;) {
        uint64_t next = time_ns;

        for (unsigned i = 0; i < hart_count; i++)
            if (harts[i]->arch.timer_ns > host_time_ns && harts[i]->arch.timer_ns < next)
                next = harts[i]->arch.timer_ns;
        host_time_ns = next;
        host_run();
        if (next == time_ns || host_stopped != HOST_STOP_NONE)
            return;
    }
}

unsigned arch_asid_bits(void)
{
    return machine.asid_bits;
}

/* ---- boot ---- */

/* RAM begins with what firmware and boot loader leave there: firmware, the first program's image, device tree, archive. */
#define FIRMWARE_BYTES UINT64_C(0x20000)
#define INIT_OFFSET FIRMWARE_BYTES
#define DEVICE_TREE_OFFSET (INIT_OFFSET + HOST_INIT_BYTES)
#define DEVICE_TREE_BYTES UINT64_C(0x1000)
#define ARCHIVE_OFFSET (DEVICE_TREE_OFFSET + DEVICE_TREE_BYTES + 16) /* not at a page's start: nobody promises that */

static struct boot_range ram_range(uint64_t offset, uint64_t bytes)
{
    return (struct boot_range){{HOST_RAM_PHYSICAL + offset}, bytes};
}

char *host_tim(void)
{
    return host_ram + (frame_tim_place(ram_range(0, 0).start, host_ram_bytes).address - HOST_RAM_PHYSICAL);
}

static void make_ram(void)
{
    const uint64_t reserve = host_ram_bytes + host_tim_bytes + 4 * WK_LARGE_PAGE_BYTES;
    char *area = mmap(NULL, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const uint64_t past = (uint64_t)area % WK_LARGE_PAGE_BYTES;

    if (area == MAP_FAILED)
        abort();
    host_ram = area + (WK_LARGE_PAGE_BYTES - past);
    if (mprotect(host_ram, host_ram_bytes, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(host_tim(), host_tim_bytes, PROT_READ | PROT_WRITE) != 0)
        abort();
    memset(host_tim(), 't', host_tim_bytes); /* what firmware left there */
}

/* A first program: text, data and zeroed memory of one page each. What it does is the tests' business. */
static void make_init(void)
{
    struct wk_init_header *header = (struct wk_init_header *)(void *)(host_ram + INIT_OFFSET);

    *header = (struct wk_init_header){
        .magic = machine.bad_image ? 0 : WK_INIT_MAGIC,
        .entry = WK_INIT_ADDRESS + sizeof(*header),
        .text_bytes = WK_PAGE_BYTES,
        .data_bytes = WK_PAGE_BYTES,
        .bss_bytes = WK_PAGE_BYTES,
    };
    memset(host_ram + INIT_OFFSET + WK_PAGE_BYTES, 'd', WK_PAGE_BYTES);
}

static void describe_machine(void)
{
    struct boot_information *boot = &boot_information;

    *boot = (struct boot_information){
        .ram = ram_range(0, host_ram_bytes),
        .device_tree = ram_range(DEVICE_TREE_OFFSET, DEVICE_TREE_BYTES),
        .init_image = host_ram + INIT_OFFSET,
        .init_image_bytes = 2 * WK_PAGE_BYTES,
        .timebase_hz = 10000000,
        .command_line = "host",
        .tim = {{{HOST_TIM_PHYSICAL}, host_tim_bytes}},
        .tim_count = host_tim_bytes != 0,
        .tim_attributes = machine.tim_is_plain ? WK_MEMORY_ATTRIBUTES_CACHED | WK_MEMORY_ATTRIBUTES_ATOMICS |
                                                     WK_MEMORY_ATTRIBUTES_EXECUTABLE
                                               : 0,
    };
    boot->reserved[boot->reserved_count++] = ram_range(0, FIRMWARE_BYTES);
    boot->reserved[boot->reserved_count++] = boot->device_tree;
    boot->reserved[boot->reserved_count++] = ram_range(INIT_OFFSET, HOST_INIT_BYTES);
    if (machine.archive_bytes != 0) {
        boot->archive = ram_range(ARCHIVE_OFFSET, machine.archive_bytes);
        memset(host_ram + ARCHIVE_OFFSET, 'a', machine.archive_bytes);
        boot->reserved[boot->reserved_count++] = boot->archive;
    }
}

void host_boot(const struct host_machine *wanted)
{
    machine = *wanted;
    host_ram_bytes = machine.ram_bytes != 0 ? machine.ram_bytes : UINT64_C(64) << 20;
    host_tim_bytes = machine.tim_bytes == UINT64_MAX ? 0
                     : machine.tim_bytes != 0        ? machine.tim_bytes
                                                     : 16 * WK_PAGE_BYTES;
    random_state = machine.seed;
    hart_count = machine.harts != 0 ? machine.harts : 1;
    make_ram();
    make_init();
    describe_machine();
    for (unsigned i = 0; i < hart_count; i++) {
        harts[i] = &hart_storage[i];
        hart_init(harts[i], i);
    }
    host_hart = harts[0];
    kernel_start();
    for (unsigned i = 0; i < hart_count; i++)
        host_processor_start(harts[i]);
    host_run();
}
