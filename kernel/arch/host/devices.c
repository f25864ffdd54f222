/* SPDX-License-Identifier: MIT */
/* What stands around the simulated processors: interrupt controller, memory, console and power. */
#include "host.h"
#include "lock.h"
#include "trap.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum host_stop host_stopped;
unsigned host_stop_status;

static jmp_buf panic_jump;
static bool panic_expected;

/* ---- interrupt lines ---- */

static struct {
    bool enabled;
    bool raised;
    bool claimed;
} lines[HOST_IRQ_LINES + 1];

unsigned arch_irq_lines(void)
{
    return HOST_IRQ_LINES;
}

static void check_line(unsigned line)
{
    if (line < 1 || line > HOST_IRQ_LINES)
        host_fail("an interrupt line that the controller does not have");
}

void arch_irq_enable(unsigned line)
{
    check_line(line);
    lines[line].enabled = true;
}

void arch_irq_disable(unsigned line)
{
    check_line(line);
    lines[line].enabled = false;
}

unsigned arch_irq_claim(void)
{
    for (unsigned line = 1; line <= HOST_IRQ_LINES; line++)
        if (lines[line].enabled && lines[line].raised && !lines[line].claimed) {
            lines[line].raised = false;
            lines[line].claimed = true;
            return line;
        }
    return 0;
}

void arch_irq_complete(unsigned line)
{
    check_line(line);
    if (!lines[line].claimed)
        host_fail("arch_irq_complete: the line was not claimed");
    /* As a PLIC does (1.0.0, 9): it would stay silent for ever. */
    if (!lines[line].enabled)
        host_fail("arch_irq_complete: a line that is not enabled, which the controller ignores");
    lines[line].claimed = false;
}

bool host_irq_waits(const struct hart *hart)
{
    if (hart->index != 0)
        return false;
    for (unsigned line = 1; line <= HOST_IRQ_LINES; line++)
        if (lines[line].enabled && lines[line].raised && !lines[line].claimed)
            return true;
    return false;
}

void host_irq_raise(unsigned line)
{
    check_line(line);
    lines[line].raised = true;
    host_run();
}

bool host_irq_is_enabled(unsigned line)
{
    return lines[line].enabled;
}

bool host_irq_is_claimed(unsigned line)
{
    return lines[line].claimed;
}

/* ---- memory ---- */

static void check_unlocked_page_work(void)
{
    /* Pages are zeroed and copied without the lock; with one hart nobody else can be its holder. */
    if (host_fiber_runs() && hart_count == 1 && kernel_lock_is_held())
        host_fail("a page is zeroed or copied with the lock held");
}

void arch_page_zero(void *page)
{
    check_unlocked_page_work();
    memset(page, 0, WK_PAGE_BYTES);
    host_interleave();
}

void arch_bytes_copy(void *to, const void *from, size_t bytes)
{
    check_unlocked_page_work();
    if (bytes > WK_PAGE_BYTES)
        host_fail("arch_bytes_copy: more than a page");
    host_interleave();
    memmove(to, from, bytes);
    host_interleave();
}

bool arch_region_is_device(struct physical physical, uint64_t bytes)
{
    return physical.address >= HOST_DEVICE_PHYSICAL && bytes <= HOST_DEVICE_BYTES &&
           physical.address - HOST_DEVICE_PHYSICAL <= HOST_DEVICE_BYTES - bytes;
}

/* ---- console and power ---- */

char host_console[HOST_CONSOLE_BYTES];
static size_t console_length;
static const char *typed = "";

void arch_console_put(char character)
{
    if (console_length < HOST_CONSOLE_BYTES - 1)
        host_console[console_length++] = character != '\0' ? character : '?'; /* it stays a string */
}

int arch_console_get(void)
{
    return *typed == '\0' ? -1 : (unsigned char)*typed++;
}

void host_console_clear(void)
{
    memset(host_console, 0, console_length);
    console_length = 0;
}

void host_console_type(const char *text)
{
    typed = text;
}

_Noreturn void host_stop(enum host_stop how, unsigned status)
{
    host_stopped = how;
    host_stop_status = status;
    if (how == HOST_STOP_PANIC && !panic_expected) {
        fprintf(stderr, "the kernel panicked; its console:\n%s\n", host_console);
        abort();
    }
    /* In a hart: it is never resumed. */
    if (host_fiber_runs())
        host_fiber_yield();
    if (panic_expected)
        longjmp(panic_jump, 1);
    abort();
}

bool host_panics(void (*act)(void))
{
    panic_expected = true;
    if (setjmp(panic_jump) == 0)
        act();
    panic_expected = false;
    return host_stopped == HOST_STOP_PANIC;
}

void host_fail(const char *message)
{
    fprintf(stderr, "the simulated machine: %s\n", message);
    if (host_console[0] != '\0')
        fprintf(stderr, "the kernel's console:\n%s\n", host_console);
    abort();
}

void arch_power_off(unsigned status)
{
    host_stop(HOST_STOP_POWER_OFF, status);
}

void arch_reboot(void)
{
    host_stop(HOST_STOP_REBOOT, 0);
}

void arch_panic_stop(void)
{
    host_stop(HOST_STOP_PANIC, 0);
}
