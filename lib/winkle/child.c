/* SPDX-License-Identifier: MIT */
/* What a launcher does with a program that it has started; and the boot archive, from which it took it. */
#include <winkle/launch.h>

#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/names.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/process.h>

enum wk_status wk_child_wait(const struct wk_child *child, wk_handle event, uint64_t bits, uint64_t deadline_ns,
                             struct wk_end *end)
{
    uint64_t taken;
    const enum wk_status status = wk_event_wait(event, bits, deadline_ns, &taken);

    return status != WK_OK ? status : wk_child_end(child, end);
}

enum wk_status wk_child_end(const struct wk_child *child, struct wk_end *end)
{
    uint64_t threads, capabilities;
    enum wk_process_state state;

    return wk_process_info(child->process, &state, &end->reason, &end->detail, &end->counter, &threads, &capabilities);
}

void wk_child_release(struct wk_child *child)
{
    if (child->process != 0)
        wk_process_kill(child->process, 0);
    if (child->thread != 0)
        wk_capability_delete(child->thread);
    if (child->process != 0)
        wk_capability_delete(child->process);
    if (child->budget != 0)
        wk_capability_delete(child->budget);
    if (child->memory != 0)
        wk_capability_delete(child->memory);
    *child = (struct wk_child){0};
}

static const char *reason_name(enum wk_end_reason reason)
{
    static const char *const names[] = {
        [WK_END_REASON_NONE] = "none",
        [WK_END_REASON_KILLED] = "exit",
        [WK_END_REASON_FOREIGN_CALL] = "foreign_call",
        [WK_END_REASON_LOAD_FAULT] = "load_fault",
        [WK_END_REASON_STORE_FAULT] = "store_fault",
        [WK_END_REASON_FETCH_FAULT] = "fetch_fault",
        [WK_END_REASON_ILLEGAL_INSTRUCTION] = "illegal_instruction",
        [WK_END_REASON_BREAKPOINT] = "breakpoint",
        [WK_END_REASON_MISALIGNED] = "misaligned",
        [WK_END_REASON_NO_MEMORY] = "no_memory",
        [WK_END_REASON_FAULT_IN_HANDLER] = "fault_in_handler",
        [WK_END_REASON_REVOKED] = "revoked",
    };

    return reason < sizeof(names) / sizeof(names[0]) && names[reason] != NULL ? names[reason] : "unknown";
}

size_t wk_end_print(const struct wk_end *end, char *text, size_t bytes)
{
    if (wk_end_is_exit(end))
        return wk_print_text(text, bytes, "exit %lu", end->detail);
    if (end->reason == WK_END_REASON_FOREIGN_CALL)
        return wk_print_text(text, bytes, "foreign_call %lu (pc 0x%lx)", end->detail, end->counter);
    return wk_print_text(text, bytes, "%s at 0x%lx (pc 0x%lx)", reason_name(end->reason), end->detail, end->counter);
}

enum wk_status wk_archive_map(struct wk_archive *archive)
{
    const struct wk_named *named = wk_named_find("archive");
    void *address;
    enum wk_status status;

    if (named == NULL)
        return WK_NOT_AVAILABLE;
    status = wk_map(named->handle, 0, wk_pages(named->offset + named->bytes), WK_PROTECTION_READ, &address);
    if (status != WK_OK)
        return status;
    archive->bytes = (const uint8_t *)address + named->offset;
    archive->length = named->bytes;
    return WK_OK;
}
