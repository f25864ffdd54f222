/* SPDX-License-Identifier: MIT */
/* The console of last resort, and how the kernel ends when it finds itself in the wrong or the machine too small. */
#include "harness.h"

#include "console.h"
#include "invoke.h"
#include "operation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_prints_texts_characters_and_numbers(void **state)
{
    (void)state;
    host_console_clear();
    console_print("%s|%c|%u|%lu|%x|%lx|%%", "text", 'c', 4000000000u, UINT64_MAX, 0xbeefu,
                  UINT64_C(0xfedcba9876543210));
    assert_string_equal(host_console, "text|c|4000000000|18446744073709551615|beef|fedcba9876543210|%");
    host_console_clear();
    console_print("%u %x", 0u, 0u);
    assert_string_equal(host_console, "0 0");
}

static void assert_it_panics(void (*act)(void), const char *message)
{
    assert_true(host_panics(act));
    if (strstr(host_console, message) == NULL)
        fail_msg("the panic does not say '%s': %s", message, host_console);
}

static void give_up(void)
{
    panic("for this reason");
}

static void a_panic_says_why_and_stops_the_machine(void **state)
{
    (void)state;
    assert_it_panics(give_up, "panic: for this reason");
    assert_int_equal(host_stopped, HOST_STOP_PANIC);
}

static void end_an_operation_that_walks(void)
{
    struct operation operation = {0};
    struct list list;

    list_init(&list);
    operation_init(&operation, actor());
    list_append(&list, &operation.marker.link);
    operation_end(&operation);
}

static void an_assertion_names_its_place(void **state)
{
    (void)state;
    assert_it_panics(end_an_operation_that_walks, "kernel/operation.c:");
}

static void fail_after_the_commit(void)
{
    op_commit();
    invoke_check_commit(WK_NO_MEMORY);
}

static void nothing_fails_after_its_commit(void **state)
{
    (void)state;
    invoke_check_commit(WK_NO_MEMORY);
    op_commit();
    invoke_check_commit(WK_OK);
    assert_it_panics(fail_after_the_commit, "committed");
}

/* ---- boot ---- */

static struct host_machine machine = {.asid_bits = 8};

static void boot(void)
{
    host_boot(&machine);
}

enum outcome { BOOTED, TOO_SMALL, OTHERWISE };

/* Boots in a process of its own. */
static enum outcome try_to_boot(void)
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        if (!host_panics(boot))
            exit(BOOTED);
        exit(strstr(host_console, "the machine has too little memory") != NULL ? TOO_SMALL : OTHERWISE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum outcome)WEXITSTATUS(status);
}

static void a_machine_is_large_enough_or_the_kernel_says_that_it_is_not(void **state)
{
    unsigned refused = 0;

    (void)state;
    /* From what firmware and the first program take in the RAM, page by page. */
    for (machine.ram_bytes = 0x25000; machine.ram_bytes < 0x200000; machine.ram_bytes += WK_PAGE_BYTES) {
        const enum outcome outcome = try_to_boot();

        if (outcome == BOOTED)
            break;
        assert_int_equal(outcome, TOO_SMALL);
        refused++;
    }
    assert_true(machine.ram_bytes < 0x200000 && refused > 10);
}

static void an_image_that_is_none_is_not_started(void **state)
{
    (void)state;
    machine = (struct host_machine){.asid_bits = 8, .bad_image = true};
    assert_it_panics(boot, "the first program's image is malformed");
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(print_prints_texts_characters_and_numbers),
        machine_test(a_panic_says_why_and_stops_the_machine),
        machine_test(an_assertion_names_its_place),
        machine_test(nothing_fails_after_its_commit),
        cmocka_unit_test(a_machine_is_large_enough_or_the_kernel_says_that_it_is_not),
        cmocka_unit_test(an_image_that_is_none_is_not_started),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
