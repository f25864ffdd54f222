/* SPDX-License-Identifier: MIT */
/*
 * Prints every object of the system under the bank that pays for it, with the memory it uses, and under each process
 * the capabilities that it holds.
 */
#include "tree.h"

#include <winkle/machine.h>
#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/start.h>

#define DEPTH_MAX 16

static void indent(unsigned depth)
{
    while (depth-- > 0)
        wk_print("  ");
}

static void print_capability(const struct found_capability *capability, unsigned depth)
{
    indent(depth);
    wk_print("has %s %lu, rights 0x%02lx, ", wk_type_name(capability->type), capability->identity, capability->rights);
    if (capability->lender == 0)
        wk_print("owned\n");
    else
        wk_print("borrowed from process %lu\n", capability->lender);
}

static void print_object(const struct found_object *object)
{
    wk_print("%s %lu", wk_type_name(object->type), object->identity);
    switch (object->type) {
    case WK_TYPE_BANK:
        wk_print(": %lu of %lu pages used", object->detail, object->pages);
        break;
    case WK_TYPE_MEMORY:
        wk_print(": %lu of %lu pages present", object->pages, object->detail);
        break;
    case WK_TYPE_PROCESS:
        wk_print(": %lu mappings, %lu capabilities", object->pages, object->capability_count);
        break;
    case WK_TYPE_THREAD:
        wk_print(" of process %lu", object->detail);
        break;
    case WK_TYPE_TIMER:
        wk_print(": at %lu ns", object->detail);
        break;
    default:
        break;
    }
    wk_print(", named by %lu\n", object->capabilities);
}

/* What the bank with this identity pays for; 0: the first bank itself. Banks in banks are few. */
static void print_paid_by(const struct found *found, uint64_t bank, unsigned depth)
{
    if (depth > DEPTH_MAX) {
        indent(depth);
        wk_print("...\n");
        return;
    }
    for (uint64_t i = 0; i < found->object_count; i++) {
        const struct found_object *object = &found->objects[i];

        if (object->bank != bank)
            continue;
        indent(depth);
        print_object(object);
        for (uint64_t j = 0; j < object->capability_count; j++)
            print_capability(&found->capabilities[object->first_capability + j], depth + 1);
        if (object->type == WK_TYPE_BANK)
            print_paid_by(found, object->identity, depth + 1);
    }
}

static void print_machine(void)
{
    uint64_t harts, timebase_hz, ram_pages, free_pages, now_ns, asid_bits;

    if (wk_machine_info(wk_self.machine, &harts, &timebase_hz, &ram_pages, &free_pages, &now_ns, &asid_bits) != WK_OK)
        return;
    wk_print("machine: %lu harts, %lu of %lu pages of RAM free\n", harts, free_pages, ram_pages);
}

int main(int argc, char **argv)
{
    struct found found;

    if (argc > 1) {
        wk_print("usage: %s\n", argv[0]);
        return 2;
    }
    walk(&found);
    print_machine();
    print_paid_by(&found, 0, 0);
    if (found.cut_short)
        wk_print("(there are more)\n");
    return 0;
}
