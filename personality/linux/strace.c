/* SPDX-License-Identifier: MIT */
#include "strace.h"

#include <winkle/print.h>

#define LINE_BYTES 256
#define TEXT_BYTES 64

const linux_handler *linux_table = linux_calls;

static const struct linux_call_name *name_of(uint64_t number)
{
    for (unsigned i = 0; i < linux_call_count; i++) {
        if (linux_call_names[i].number == number)
            return &linux_call_names[i];
    }
    return NULL;
}

static size_t print_argument(char *line, size_t bytes, enum linux_argument kind, uint64_t value)
{
    char text[TEXT_BYTES];

    switch (kind) {
    case LINUX_ARGUMENT_NUMBER:
    case LINUX_ARGUMENT_DESCRIPTOR:
        return wk_print_text(line, bytes, "%ld", (long)value);
    case LINUX_ARGUMENT_UNSIGNED:
        return wk_print_text(line, bytes, "%lu", value);
    case LINUX_ARGUMENT_ADDRESS:
    case LINUX_ARGUMENT_BITS:
        return wk_print_text(line, bytes, "0x%lx", value);
    case LINUX_ARGUMENT_OCTAL:
        return wk_print_text(line, bytes, "0%lu%lu%lu", value >> 6 & 7, value >> 3 & 7, value & 7);
    case LINUX_ARGUMENT_TEXT:
        if (copy_text_in(text, value, sizeof(text)) < 0)
            return wk_print_text(line, bytes, "0x%lx", value);
        return wk_print_text(line, bytes, "\"%s\"", text);
    }
    return 0;
}

static int64_t traced(const uint64_t a[static 8])
{
    const uint64_t number = a[7];
    const struct linux_call_name *name = name_of(number);
    char line[LINE_BYTES];
    size_t used;
    int64_t result;

    used = name == NULL ? wk_print_text(line, sizeof(line), "call_%lu(", number)
                        : wk_print_text(line, sizeof(line), "%s(", name->name);
    for (unsigned i = 0; name != NULL && i < name->count && used < sizeof(line); i++) {
        if (i != 0)
            used += wk_print_text(line + used, sizeof(line) - used, ", ");
        used += print_argument(line + used, sizeof(line) - used, name->arguments[i], a[i]);
    }
    wk_print("[%lu] %s)\n", linux_process.page->pid, line);
    result = linux_calls[number < LINUX_TABLE_COUNT ? number : LINUX_TABLE_COUNT](a);
    if (name != NULL)
        wk_print("[%lu] %s = %ld\n", linux_process.page->pid, name->name, (long)result);
    return result;
}

void strace_start(void)
{
    static linux_handler all[LINUX_TABLE_COUNT + 1];

    for (unsigned i = 0; i <= LINUX_TABLE_COUNT; i++)
        all[i] = traced;
    linux_table = all;
}
