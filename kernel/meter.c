/* SPDX-License-Identifier: MIT */
/* The meters of stretches in the kernel, of events of time, and of the time to the first user instruction. See meter.h; each
 * hart keeps its own. */
#include "meter.h"

#include "invoke.h"
#include "thread.h"

#ifdef WINKLE_MEASURE

#include <stdatomic.h>

_Static_assert(WK_METER_TIME_EVENT < sizeof(((struct meters *)NULL)->value) / sizeof(uint64_t), "each has its place");

#define NEAR_NS 200000
#define CALL_INSTRUCTIONS 8

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

/* Whether no other hart came by since this one did. */
static bool is_alone(const struct hart *hart)
{
    return atomic_load_explicit(&last_hart, memory_order_relaxed) == hart;
}

/* The kernel's instructions: firmware's are not its doing, and the meters are not there in other builds. */
static uint64_t own_instructions(const struct meters *meters, uint64_t instructions)
{
    return instructions - meters->firmware - meters->own;
}

/* At the end of a meter that began at `begun`. */
static void leave_out(struct meters *meters, uint64_t begun)
{
    meters->own += arch_instructions() - begun + CALL_INSTRUCTIONS;
}

void meter_entered(void)
{
    const uint64_t begun = arch_instructions();
    struct meters *meters = &hart_current()->meters;

    look_for_company(hart_current());
    meters->had_company = false;
    meters->kernel_entered = own_instructions(meters, begun);
    meters->firmware_entered = meters->firmware;
    meters->entries_entered = meters->entries;
    meters->value[WK_METER_TRAPS]++;
    leave_out(meters, begun);
}

/* By their places in the table; that of no operation, 0, is not kept. */
static uint32_t longest[HARTS_MAX][OPERATION_SLOTS];

static void keep_longest(struct hart *hart, uint64_t operation, uint64_t stretch)
{
    uint32_t *own = &longest[hart->index][operation - WK_OPERATION_FIRST];

    if (operation != 0 && stretch > *own && !turns_are_short())
        *own = (uint32_t)stretch;
}

void meter_invocation(void)
{
    const uint64_t begun = arch_instructions();
    struct hart *hart = hart_current();

    hart->meters.value[WK_METER_INVOCATIONS]++;
    hart->current->metered = 0;
    leave_out(&hart->meters, begun);
}

void meter_operation(struct thread *thread, unsigned index)
{
    thread->metered = (uint16_t)(WK_OPERATION_FIRST + index);
}

void meter_operation_done(const struct thread *thread)
{
    const uint64_t begun = arch_instructions();
    struct hart *hart = hart_current();
    struct meters *meters = &hart->meters;

    look_for_company(hart);
    if (!meters->had_company)
        keep_longest(hart, thread->metered,
                     own_instructions(meters, begun) - meters->kernel_entered -
                         (meters->entries - meters->entries_entered));
    leave_out(meters, begun);
}

void meter_step_begins(void)
{
    struct meters *meters = &hart_current()->meters;

    meters->entries_stepped = meters->entries;
    meters->step_begun = own_instructions(meters, arch_instructions());
}

/* One that a fault began is no operation's. */
void meter_step_done(const struct thread *thread)
{
    const uint64_t begun = arch_instructions();
    struct hart *hart = hart_current();

    if (is_alone(hart) && !thread->is_silent)
        keep_longest(hart, thread->metered,
                     own_instructions(&hart->meters, begun) - hart->meters.step_begun -
                         (hart->meters.entries - hart->meters.entries_stepped));
    leave_out(&hart->meters, begun);
}

void meter_entry_begins(struct thread *worker)
{
    struct meters *meters = &hart_current()->meters;

    worker->metered = 0;
    meters->entry_begun = own_instructions(meters, arch_instructions());
}

void meter_entry_done(const struct thread *worker)
{
    const uint64_t begun = arch_instructions();
    struct meters *meters = &hart_current()->meters;
    const uint64_t stretch = own_instructions(meters, begun) - meters->entry_begun;

    meters->entries += stretch;
    if (is_alone(hart_current()))
        keep_longest(hart_current(), worker->metered, stretch);
    leave_out(meters, begun);
}

void meter_event_begins(void)
{
    const uint64_t begun = arch_instructions();
    struct meters *meters = &hart_current()->meters;

    meters->event_begun = own_instructions(meters, begun);
    leave_out(meters, begun);
}

void meter_event_done(void)
{
    const uint64_t begun = arch_instructions();
    struct meters *meters = &hart_current()->meters;
    const uint64_t taken = own_instructions(meters, begun) - meters->event_begun;

    if (is_alone(hart_current()) && taken > meters->value[WK_METER_TIME_EVENT] && !turns_are_short())
        meters->value[WK_METER_TIME_EVENT] = taken;
    leave_out(meters, begun);
}

void meter_left(void)
{
    struct meters *meters = &hart_current()->meters;
    const uint64_t stretch = own_instructions(meters, arch_instructions()) - meters->kernel_entered;
    const uint64_t firmware = meters->firmware - meters->firmware_entered;

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
    const uint64_t begun = arch_instructions();
    struct meters *meters = &hart_current()->meters;

    look_for_company(hart_current());
    meters->lock_taken = own_instructions(meters, begun);
    leave_out(meters, begun);
}

void meter_lock_released(void)
{
    const uint64_t begun = arch_instructions();
    struct meters *meters = &hart_current()->meters;
    const uint64_t held = own_instructions(meters, begun) - meters->lock_taken;

    if (is_alone(hart_current()) && held > meters->value[WK_METER_LOCK_HOLD] && !turns_are_short())
        meters->value[WK_METER_LOCK_HOLD] = held;
    leave_out(meters, begun);
}

/* Another hart has the lock, and its turn until it releases it. */
void meter_lock_waits(void)
{
    look_for_company(hart_current());
    hart_current()->meters.had_company = true;
}

static uint64_t read_operation(uint64_t operation, bool reset)
{
    const uint64_t index = operation - WK_OPERATION_FIRST;
    uint64_t value = 0;

    for (unsigned i = 0; i < hart_count && index < OPERATION_SLOTS; i++) {
        uint32_t *own = &longest[i][index];

        if (*own > value)
            value = *own;
        if (reset)
            *own = 0;
    }
    return value;
}

enum wk_status meter_read(enum wk_meter meter, uint64_t operation, bool reset, uint64_t *value)
{
    const bool is_count = meter == WK_METER_TRAPS || meter == WK_METER_INVOCATIONS;

    if (meter == WK_METER_OPERATION)
        *value = read_operation(operation, reset);
    for (unsigned i = 0; i < hart_count && meter != WK_METER_OPERATION; i++) {
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
