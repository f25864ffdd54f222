/* SPDX-License-Identifier: MIT */
/*
 * Every answer is compared with what the operation's interface file says that it may be: its status, and that no word
 * is other than 0 but its results, or of an error the argument that it is about. With WINKLE_ANSWERS in the
 * environment, lines `OPERATION STATUS` of all that were given are added to the file of that name: tools/coverage.py
 * finds those that no test has seen.
 */
#include "harness.h"
#include "harness_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct interface_operation *operation_by_number(uint64_t number)
{
    for (unsigned i = 0; i < INTERFACE_OPERATION_COUNT; i++)
        if (interface_operations[i].number ==
            (number & (interface_operations[i].is_message ? WK_MESSAGE_OPERATION : ~WK_MESSAGE_QUICK)))
            return &interface_operations[i];
    return NULL;
}

bool harness_collects_statuses;
static bool given[INTERFACE_STATUS_COUNT][INTERFACE_OPERATION_COUNT];

static void note(const struct interface_operation *operation, enum wk_status status)
{
    const char *file = getenv("WINKLE_ANSWERS");
    const int descriptor = file == NULL ? -1 : open(file, O_WRONLY | O_APPEND | O_CREAT, 0666);

    if (descriptor < 0)
        return;
    dprintf(descriptor, "%s %s\n", operation->name, interface_status_names[status]);
    close(descriptor);
}

static void check_words(const struct interface_operation *operation, enum wk_status status, const uint64_t words[6])
{
    if (status != WK_OK && words[0] > operation->in_count)
        fail_msg("%s failed with %#lx, which is no argument's number", operation->name, (unsigned long)words[0]);
    for (unsigned i = status == WK_OK ? operation->out_count : 1; i < 6; i++)
        if (words[i] != 0)
            fail_msg("%s answered %s with %#lx in word %u", operation->name, interface_status_names[status],
                     (unsigned long)words[i], i);
}

static void answer_check(uint64_t number, enum wk_status status, const uint64_t words[6])
{
    const struct interface_operation *operation = operation_by_number(number);
    bool *seen;

    if (status == NOT_ANSWERED || operation == NULL || operation->is_service)
        return; /* what a service answers is not the kernel's */
    if ((unsigned)status >= INTERFACE_STATUS_COUNT)
        fail_msg("%s answered %u, which is no status", operation->name, (unsigned)status);
    if (!operation->is_message || status != WK_OK)
        check_words(operation, status, words);
    seen = &given[status][operation - interface_operations];
    if (*seen)
        return;
    *seen = true;
    if (operation->statuses >> status & 1)
        note(operation, status);
    else if (harness_collects_statuses)
        print_message("%s answered %s, which its interface file does not mention\n", operation->name,
                      interface_status_names[status]);
    else
        fail_msg("%s answered %s, which its interface file does not mention", operation->name,
                 interface_status_names[status]);
}

void answer_seen(uint64_t number, enum wk_status status)
{
    note(operation_by_number(number), status);
}

/* ---- answers that come later ---- */

/* By thread, as far as they are told apart: the operation that has not been answered yet. */
static struct {
    uint64_t identity;
    uint64_t number;
} owed[64];

void answer_owe(const struct thread *thread, uint64_t number)
{
    owed[thread->object.identity % 64].identity = thread->object.identity;
    owed[thread->object.identity % 64].number = number;
}

void answer_check_owed(const struct thread *thread, enum wk_status status, const uint64_t words[6])
{
    if (owed[thread->object.identity % 64].identity != thread->object.identity)
        return;
    owed[thread->object.identity % 64].identity = 0;
    answer_check(owed[thread->object.identity % 64].number, status, words);
}
