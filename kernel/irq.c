/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines. An interrupt is claimed from the controller and sets bits in the bound event; the claim is completed
 * when the driver acknowledges it, and until then the controller keeps the line silent, so that a device that is not
 * served does not interrupt for ever. Owns struct irq and the table of lines. Guarded by the kernel lock. Invariants:
 * see irq.h.
 *
 * Specification: RISC-V Platform-Level Interrupt Controller 1.0.0: claim 8, completion 9.
 */
#include "irq.h"

#include "arch/arch.h"
#include "assert.h"
#include "bank.h"
#include "handlers.h"
#include "invoke.h"
#include "lock.h"
#include "trace.h"

static struct irq *lines[IRQ_LINES_MAX];

enum wk_status irq_claim(struct bank *bank, uint64_t line, struct irq **irq)
{
    if (line == 0 || line > arch_irq_lines() || line >= IRQ_LINES_MAX || lines[line] != NULL)
        return WK_NOT_AVAILABLE;
    *irq = object_create(WK_TYPE_IRQ, sizeof **irq, bank);
    if (*irq == NULL)
        return WK_NO_MEMORY;
    event_binding_init(&(*irq)->binding);
    (*irq)->line = (unsigned)line;
    lines[line] = *irq; /* INV-IRQ-1 */
    return WK_OK;
}

/* The controller is not trusted to tell only of lines that were enabled: one without an object is completed and
 * silenced. */
bool irq_deliver(void)
{
    const unsigned line = arch_irq_claim();
    struct irq *irq;

    assert_debug(kernel_lock_is_held());
    if (line == 0)
        return false;
    trace(WK_TRACE_EVENT_INTERRUPT, line, 0);
    irq = line < IRQ_LINES_MAX ? lines[line] : NULL;
    if (irq == NULL) {
        arch_irq_complete(line);
        arch_irq_disable(line);
        return true;
    }
    assert_debug(irq->line == line && !irq->waiting); /* INV-IRQ-1, INV-IRQ-2 */
    irq->waiting = true;
    event_binding_signal(&irq->binding);
    return true;
}

/* Completion comes before disabling: the controller ignores it for a line that is not enabled (9). */
enum wk_status irq_dismantle(struct object *object, struct operation *operation)
{
    struct irq *irq = container_of(object, struct irq, object);

    (void)operation;
    assert_debug(lines[irq->line] == irq); /* INV-IRQ-1 */
    event_unbind(&irq->binding);
    if (irq->waiting)
        arch_irq_complete(irq->line);
    arch_irq_disable(irq->line);
    lines[irq->line] = NULL;
    return WK_OK;
}

enum wk_status irq_bind(struct invocation *invocation, struct irq *irq, struct capability *event,
                        const struct wk_irq_bind_in *in)
{
    (void)invocation;

    op_commit();
    event_bind(&irq->binding, container_of(event->object, struct event, object), in->bits);
    arch_irq_enable(irq->line);
    return WK_OK;
}

enum wk_status irq_acknowledge(struct invocation *invocation, struct irq *irq)
{
    (void)invocation;
    if (!irq->waiting)
        return WK_WOULD_BLOCK;

    op_commit();
    irq->waiting = false;
    arch_irq_complete(irq->line);
    return WK_OK;
}
