/* SPDX-License-Identifier: MIT */
/* The meter of interrupts off, and of the time to the first user instruction. See meter.h; each hart keeps its own. */
#include "meter.h"

#ifdef WINKLE_MEASURE

#include <stdatomic.h>

#define NEAR_NS 200000

/*
 * Whether a hart's timer is about to interrupt it, or has: towards that moment such emulators let harts take shorter and
 * shorter turns, too short for another hart to come by a meter.
 */
static bool turns_are_short(void)
{
    const uint64_t soon_ns = arch_time_ns() + NEAR_NS;

    for (unsigned i = 0; hart_count > 1 && i < hart_count; i++)
        if (harts[i]->timer_ns < soon_ns)
            return true;
    return false;
}

/* The hart that came by any meter last. */
static struct hart *_Atomic last_hart;

static void look_for_company(struct hart *hart)
{
    if (atomic_exchange_explicit(&last_hart, hart, memory_order_relaxed) != hart)
        hart->meters.had_company = true;
}

void meter_entered(void)
{
    struct meters *meters = &hart_current()->meters;

    look_for_company(hart_current());
    meters->had_company = false;
    meters->kernel_entered = arch_instructions();
    meters->firmware_entered = meters->firmware;
    meters->value[WK_METER_TRAPS]++;
}

void meter_invocation(void)
{
    hart_current()->meters.value[WK_METER_INVOCATIONS]++;
}

void meter_left(void)
{
    struct meters *meters = &hart_current()->meters;
    const uint64_t firmware = meters->firmware - meters->firmware_entered;
    const uint64_t stretch = arch_instructions() - meters->kernel_entered - firmware;

    look_for_company(hart_current());
    if (meters->kernel_entered == 0 || meters->had_company)
        return; /* the hart has just come up, or was not alone */
    if (stretch > meters->value[WK_METER_INTERRUPTS_OFF] && !turns_are_short())
        meters->value[WK_METER_INTERRUPTS_OFF] = stretch;
    if (firmware > meters->value[WK_METER_FIRMWARE])
        meters->value[WK_METER_FIRMWARE] = firmware;
}

void meter_first_user(void)
{
    struct meters *meters = &hart_current()->meters;

    if (meters->value[WK_METER_BOOT] == 0)
        meters->value[WK_METER_BOOT] = arch_instructions() - arch_boot_instructions;
}

void meter_lock_taken(void)
{
    struct meters *meters = &hart_current()->meters;

    look_for_company(hart_current());
    meters->lock_taken = arch_instructions() - meters->firmware;
}

/* Firmware's share of the hold is left out: how long it takes is not the kernel's doing. */
void meter_lock_released(void)
{
    struct meters *meters = &hart_current()->meters;
    const uint64_t held = arch_instructions() - meters->firmware - meters->lock_taken;
    const bool was_alone = atomic_load_explicit(&last_hart, memory_order_relaxed) == hart_current();

    if (was_alone && held > meters->value[WK_METER_LOCK_HOLD] && !turns_are_short())
        meters->value[WK_METER_LOCK_HOLD] = held;
}

void meter_lock_waits(void)
{
    look_for_company(hart_current());
}

enum wk_status meter_read(enum wk_meter meter, bool reset, uint64_t *value)
{
    const bool is_count = meter == WK_METER_TRAPS || meter == WK_METER_INVOCATIONS;

    for (unsigned i = 0; i < hart_count; i++) {
        uint64_t *own = &harts[i]->meters.value[meter];

        if (is_count)
            *value += *own;
        else if (*own > *value)
            *value = *own;
        if (reset)
            *own = 0;
    }
    return WK_OK;
}

#endif
