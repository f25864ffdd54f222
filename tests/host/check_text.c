/* SPDX-License-Identifier: MIT */
/* The state of the kernel as text, so that two states can be compared and the difference read. */
#include "bank.h"
#include "budget.h"
#include "check.h"
#include "endpoint.h"
#include "event.h"
#include "host.h"
#include "irq.h"
#include "mailbox.h"
#include "mapping.h"
#include "memory.h"
#include "process.h"
#include "ring.h"
#include "space.h"
#include "thread.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *text;

static unsigned long number(uint64_t value)
{
    return (unsigned long)value;
}

static void say_capability(const char *kind, uint64_t name, const struct capability *slot)
{
    fprintf(text, "  %s %#lx: object %lu rights %#x%s%s depth %u%s\n", kind, number(name),
            number(slot->object->identity), slot->rights, slot->stays ? "" : " goes", slot->lends ? "" : " revoking",
            slot->depth, slot->parent == NULL ? " owned" : "");
}

static void say_mapping(const struct process *process, const struct mapping *mapping)
{
    fprintf(text, "  mapping %#lx: %lu pages of memory %lu from %lu, protection %lu\n", number(mapping_start(mapping)),
            number(mapping->pages), number(mapping->node.object->identity), number(mapping->offset_pages),
            number(mapping->protection));
    for (uint64_t address = mapping_start(mapping); address < mapping_end(mapping);) {
        uint64_t bytes;
        const uint64_t entry = space_lookup(&process->space, address, &bytes);

        if (entry != 0)
            fprintf(text, "    %#lx: protection %lu, %lu bytes\n", number(address),
                    number(arch_entry_protection(entry)), number(bytes));
        address = (address & ~(bytes - 1)) + bytes;
    }
}

static void say_process(const struct process *process)
{
    fprintf(text, " state %u reason %u threads %lu mappings %lu %u capabilities, pages for %u\n", process->state,
            process->reason, number(process->thread_count), number(process->mapping_count), process->table.count,
            process->table.paged);
    fprintf(text, "  upcall %#lx %#lx fault handler %#lx end event %lu bits %#lx\n", number(process->upcall_entry),
            number(process->upcall_return), number(process->fault_slot.handle),
            process->end.event == NULL ? 0 : number(process->end.event->object.identity),
            process->end.event == NULL ? 0 : number(process->end.bits));
    for (uint32_t index = 0; index < process->table.made; index++) {
        const struct capability *slot = capability_slot(&process->table, index);

        if (slot->object != NULL)
            say_capability("handle", capability_handle(slot), slot);
    }
    for (const struct tree_node *node = process->mappings.first; node != NULL; node = tree_next(node))
        say_mapping(process, container_of(node, struct mapping, by_address));
}

static void say_memory(const struct memory *memory)
{
    fprintf(text, " %lu pages, %lu present, %lu tables, options %u, %lu mappings, %u pins\n", number(memory->pages),
            number(memory->present_pages), number(memory->table_pages), memory->options, number(memory->mapping_count),
            memory->pin_count);
    for (uint64_t page = 0; !memory->is_physical && page < memory->pages && page < 4096; page++) {
        const struct frame *frame = memory_page(memory, page);

        if (frame != NULL && frame_sharers(frame) > 1)
            fprintf(text, "  page %lu has %u sharers\n", number(page), frame_sharers(frame));
    }
}

static void say_thread(const struct thread *thread)
{
    fprintf(text, " of process %lu: stop %u priority %u budget %lu interrupt %u%u frames %#lx pc %#lx\n",
            thread->process == NULL ? 0 : number(thread->process->object.identity), thread->stop, thread->priority,
            thread->budget == NULL ? 0 : number(thread->budget->object.identity), thread->interrupt_latched,
            thread_is_owed_interrupt(thread), number(thread->call_frame_address),
            thread->hart->current == thread ? 0 : number(thread->context.x[0]));
}

static void say_budget(const struct budget *budget)
{
    fprintf(text, " priority %u hart %u threads %lu capacity %lu in %lu\n", budget->priority, budget->hart->index,
            number(budget->thread_count), number(budget->account.capacity_ns), number(budget->account.period_ns));
}

static void say_endpoint(const struct endpoint *endpoint)
{
    fprintf(text, " servers %u callers %d event %d accepts %#x %u\n", endpoint->serving.server_count,
            endpoint->callers.first != NULL, endpoint->event != NULL, endpoint->accept_types, endpoint->accept_count);
}

static void say_mailbox(const struct mailbox *mailbox)
{
    fprintf(text, " %lu slots, last ticket %lu\n", number(mailbox->slots), number(mailbox->last_ticket));
    for (uint64_t place = 0; place < mailbox->slots; place++)
        if (mailbox->posted[place].object != NULL)
            say_capability("ticket", mailbox->posted[place].badge, &mailbox->posted[place]);
}

static void say_object(const struct object *object)
{
    static const char *const names[] = {"marker",  "bank",    "event", "irq",    "machine", "memory",
                                        "process", "thread",  "timer", "trace",  "budget",  "endpoint",
                                        "reply",   "session", "ring",  "mailbox"};

    fprintf(text, "%s %lu: bank %lu state %u capabilities %u references %u;", names[object->type],
            number(object->identity), object->bank == NULL ? 0 : number(object->bank->object.identity), object->state,
            object->capabilities, object->references);
    switch ((enum wk_type)object->type) {
    case WK_TYPE_BANK: {
        const struct bank *bank = container_of(object, struct bank, object);

        fprintf(text, " limit %lu used %lu objects %lu children %lu\n", number(bank->limit_pages),
                number(bank->used_pages), number(bank->object_count), number(bank->child_count));
        break;
    }
    case WK_TYPE_PROCESS:
        say_process(container_of(object, struct process, object));
        break;
    case WK_TYPE_MEMORY:
        say_memory(container_of(object, struct memory, object));
        break;
    case WK_TYPE_THREAD:
        say_thread(container_of(object, struct thread, object));
        break;
    case WK_TYPE_EVENT:
        fprintf(text, " pending %#lx waiters %u\n", number(container_of(object, struct event, object)->pending),
                container_of(object, struct event, object)->waiter_count);
        break;
    case WK_TYPE_TIMER: {
        const struct timer *timer = container_of(object, struct timer, object);

        fprintf(text, " set %d period %lu bound %d\n", deadline_is_set(&timer->deadline), number(timer->period_ns),
                timer->binding.event != NULL);
        break;
    }
    case WK_TYPE_IRQ:
        fprintf(text, " line %u waiting %d bound %d\n", container_of(object, struct irq, object)->line,
                container_of(object, struct irq, object)->waiting,
                container_of(object, struct irq, object)->binding.event != NULL);
        break;
    case WK_TYPE_RING: {
        const struct ring *ring = container_of(object, struct ring, object);

        fprintf(text, " workers %u owed %lu taken %lu completed %lu dead %d\n", ring->worker_count, number(ring->owed),
                number(ring->entries.index), number(ring->completions.index), ring_is_dead(ring));
        break;
    }
    case WK_TYPE_BUDGET:
        say_budget(container_of(object, struct budget, object));
        break;
    case WK_TYPE_ENDPOINT:
        say_endpoint(container_of(object, struct endpoint, object));
        break;
    case WK_TYPE_SESSION:
        fprintf(text, " badge %lu\n", number(container_of(object, struct session, object)->badge));
        break;
    case WK_TYPE_MAILBOX:
        say_mailbox(container_of(object, struct mailbox, object));
        break;
    case WK_TYPE_REPLY:
        fprintf(text, " caller %d\n", container_of(object, struct reply, object)->caller != NULL);
        break;
    case WK_TYPE_NONE:
    case WK_TYPE_MACHINE:
    case WK_TYPE_TRACE:
        fprintf(text, "\n");
        break;
    }
}

char *check_state_text(void)
{
    char *buffer;
    size_t bytes;

    text = open_memstream(&buffer, &bytes);
    if (text == NULL)
        abort();
    for (const struct list *link = object_all.next; link != &object_all; link = link->next)
        if (container_of(link, struct object, all_link)->type != WK_TYPE_NONE)
            say_object(container_of(link, struct object, all_link));
    fprintf(text, "free frames %lu, in quarantine %lu\n", number(frame_free_count()), number(frame_quarantine_count()));
    fclose(text);
    return buffer;
}
