/* SPDX-License-Identifier: MIT */
/* Init's manifest: what is accepted, and how each mistake is refused with its line and word. */
#include "../../programs/init/manifest.c"
#include "../../lib/winkle/number.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct manifest manifest;
static struct manifest_problem problem;
static char text[4096];

static bool parse(const char *source)
{
    strcpy(text, source);
    return manifest_parse(text, strlen(source), &manifest, &problem);
}

static void assert_refused(const char *source, unsigned line, const char *word, const char *part)
{
    assert_false(parse(source));
    assert_int_equal(problem.line, line);
    assert_string_equal(problem.word, word);
    assert_non_null(strstr(problem.text, part));
}

static void full_entry(void **state)
{
    const struct manifest_program *program;

    (void)state;
    assert_true(
        parse("# a comment\n\nprogram shell # another\n  path bin/sh\n  arguments -c echo\n  bank 0x40\n  tim 8\n"
              "  priority 120\n  ceiling 130\n  grant console power\n  grant archive harts\n"
              "  budget 2ms 10ms 5000us\n  restart 3\n  start\n"));
    assert_int_equal(manifest.program_count, 1);
    program = &manifest.programs[0];
    assert_string_equal(program->name, "shell");
    assert_string_equal(program->path, "bin/sh");
    assert_int_equal(program->argument_count, 2);
    assert_string_equal(program->arguments[1], "echo");
    assert_int_equal(program->bank_pages, 64);
    assert_int_equal(program->tim_pages, 8);
    assert_int_equal(program->priority, 120);
    assert_int_equal(program->ceiling, 130);
    assert_int_equal(program->grants, GRANT_CONSOLE | GRANT_POWER | GRANT_ARCHIVE | GRANT_HARTS);
    assert_int_equal(program->capacity_ns, 2000000);
    assert_int_equal(program->period_ns, 10000000);
    assert_int_equal(program->deadline_ns, 5000000);
    assert_int_equal(program->restarts, 3);
    assert_true(program->start);
}

static void defaults(void **state)
{
    (void)state;
    assert_true(parse("program a\nbank most"));
    assert_null(manifest.programs[0].path);
    assert_int_equal(manifest.programs[0].bank_pages, MANIFEST_BANK_MOST);
    assert_int_equal(manifest.programs[0].priority, PRIORITY_DEFAULT);
    assert_int_equal(manifest.programs[0].ceiling, PRIORITY_DEFAULT);
    assert_int_equal(manifest.programs[0].capacity_ns, 0);
    assert_int_equal(manifest.programs[0].grants, 0);
    assert_false(manifest.programs[0].start);
}

static void services(void **state)
{
    const struct manifest_program *program;

    (void)state;
    assert_true(parse("program shell\nbank most\nuses files pipes\nuses posix\nprogram files\nbank most/4\nservice\n"
                      "serves files\nprogram p\nbank 1\nservice\nserves pipes\nuses files\nstart\n"
                      "program q\nbank 1\ntim most/3\nservice\nserves posix\nuses files pipes\n"));
    program = &manifest.programs[0];
    assert_int_equal(program->use_count, 3);
    assert_string_equal(program->uses[2], "posix");
    assert_false(program->service);
    assert_int_equal(program->bank_divisor, 1);
    program = &manifest.programs[1];
    assert_true(program->service);
    assert_string_equal(program->serves, "files");
    assert_int_equal(program->bank_pages, MANIFEST_BANK_MOST);
    assert_int_equal(program->bank_divisor, 4);
    assert_int_equal(manifest.programs[3].tim_divisor, 3);
    assert_ptr_equal(manifest_find_service(&manifest, "pipes"), &manifest.programs[2]);
    assert_null(manifest_find_service(&manifest, "p"));
}

static void service_mistakes(void **state)
{
    (void)state;
    assert_refused("program a\nbank most/\n", 2, "most/", "no part");
    assert_refused("program a\nbank most/1001\n", 2, "most/1001", "no part");
    assert_refused("program a\nbank most2\n", 2, "most2", "no number");
    assert_refused("program a\nbank 1\nserves a\n", 1, "a", "no line `service`");
    assert_refused("program a*\nbank 1\nservice\n", 3, "a*", "can't be a service");
    assert_refused("program a\nservice yes\n", 2, "yes", "one too many");
    assert_refused("program a\nserves machine\n", 2, "machine", "another capability");
    assert_refused("program a\nserves 0123456789abcdef\n", 2, "0123456789abcdef", "longer than 15");
    assert_refused("program a\nbank 1\nservice\nserves x\nprogram b\nserves x\n", 6, "x", "serves this name already");
    assert_refused("program a\nuses b c b\n", 2, "b", "twice");
    assert_refused("program a\nuses 1 2 3 4\nuses 5 6 7 8 9\n", 3, "9", "at most 8");
    assert_refused("\nprogram a\nbank 1\nuses b\n", 2, "b", "no program serves");
    assert_refused("program a\nbank 1\nservice\nserves a\nuses a\n", 1, "a", "uses itself");
    assert_refused("program c\nbank 1\nservice\nserves c\nprogram a\nbank 1\nservice\nserves a\nuses c b\n"
                   "program b\nbank 1\nservice\nserves b\nuses a\n",
                   5, "a", "uses itself");
}

/* Whichever line comes first. */
static void ceilings(void **state)
{
    (void)state;
    assert_true(parse("program a\nbank 1\npriority 9\nceiling 50\nprogram b\nbank 1\nceiling 50\npriority 9\n"
                      "program c\nbank 1\npriority 9\nprogram d\nbank 1\npriority 200\n"));
    assert_int_equal(manifest.programs[0].ceiling, 50);
    assert_int_equal(manifest.programs[1].ceiling, 50);
    assert_int_equal(manifest.programs[2].ceiling, 9);
    assert_int_equal(manifest.programs[3].ceiling, 200);
}

static void empty(void **state)
{
    (void)state;
    assert_true(parse(""));
    assert_int_equal(manifest.program_count, 0);
    assert_true(parse("# nothing\n \t\r\n"));
}

static void finding(void **state)
{
    (void)state;
    assert_true(parse("program test-*\nbank 1\nprogram test-long-*\nbank 2\nprogram test-one\nbank 3\n"));
    assert_int_equal(manifest_find(&manifest, "test-one")->bank_pages, 3);
    assert_int_equal(manifest_find(&manifest, "test-two")->bank_pages, 1);
    assert_int_equal(manifest_find(&manifest, "test-long-x")->bank_pages, 2);
    assert_null(manifest_find(&manifest, "hello"));
    assert_true(parse("program *\nbank 1\n"));
    assert_int_equal(manifest_find(&manifest, "hello")->bank_pages, 1);
}

static void mistakes(void **state)
{
    (void)state;
    assert_refused("\nprogramm a\n", 2, "programm", "no word of a manifest");
    assert_refused("bank 3\n", 1, "bank", "must come before");
    assert_refused("program\n", 1, "program", "a value is missing");
    assert_refused("program a b\n", 1, "b", "one too many");
    assert_refused("program a\nbank x1\n", 2, "x1", "no number");
    assert_refused("program a\nbank 0\n", 2, "0", "out of range");
    assert_refused("program a\nbank 99999999999999999999999\n", 2, "99999999999999999999999", "no number");
    assert_refused("program a\nbank 0x8000001\n", 2, "0x8000001", "out of range");
    assert_refused("program a\npriority 256\n", 2, "256", "out of range");
    assert_refused("program a\nceiling 256\n", 2, "256", "out of range");
    assert_refused("program a\nbank 1\npriority 9\nceiling 8\n", 1, "a", "ceiling is below its priority");
    assert_refused("program a\nbank 1\nceiling 8\npriority 9\n", 1, "a", "ceiling is below its priority");
    assert_refused("\nprogram a\nbank 1\nceiling 99\n", 2, "a", "ceiling is below its priority");
    assert_refused("program a\ngrant console kitchen\n", 2, "kitchen", "to grant");
    assert_refused("program a*b\n", 1, "a*b", "only at the end");
    assert_refused("program a\nbank 1\nprogram a\nbank 1\n", 3, "a", "already");
    assert_refused("program a*\nbank 1\nstart\n", 3, "a*", "can't be started");
    assert_refused("program a\nbank 1\nprogram b\n", 3, "b", "no line `bank");
    assert_refused("program a\nbank 1\narguments 1 2 3 4 5 6 7 8 9\n", 3, "9", "one too many");
    assert_refused("program a\nbank 1\nstart now\n", 3, "now", "one too many");
    assert_refused("program a\nbank 1\n\nba\x80nk 2", 4, "", "no ASCII");
}

static void budgets(void **state)
{
    (void)state;
    assert_true(parse("program a\nbank 1\nbudget 90us 100us\nprogram b\nbank 1\nbudget 1ns 1000s 1ns\n"
                      "program c\nbank 1\nbudget 9s 10s 10s\n"));
    assert_int_equal(manifest.programs[0].capacity_ns, 90000);
    assert_int_equal(manifest.programs[0].period_ns, 100000);
    assert_int_equal(manifest.programs[0].deadline_ns, 0);
    assert_int_equal(manifest.programs[1].capacity_ns, 1);
    assert_int_equal(manifest.programs[1].period_ns, 1000000000000);
    assert_int_equal(manifest.programs[1].deadline_ns, 1);
    assert_int_equal(manifest.programs[2].deadline_ns, 10000000000);
    assert_refused("program a\nbudget 1ms\n", 2, "budget", "a value is missing");
    assert_refused("program a\nbudget 1ms 2ms 2ms 3ms\n", 2, "3ms", "one too many");
    assert_refused("program a\nbudget 1 2ms\n", 2, "1", "no time");
    assert_refused("program a\nbudget 1ms ms\n", 2, "ms", "no time");
    assert_refused("program a\nbudget 1ms 2min\n", 2, "2min", "no time");
    assert_refused("program a\nbudget 1ms 2msx\n", 2, "2msx", "no time");
    assert_refused("program a\nbudget 1ms 1001s\n", 2, "1001s", "longer than 1000s");
    assert_refused("program a\nbudget 1ms 18446744073709551615s\n", 2, "18446744073709551615s", "longer than 1000s");
    assert_refused("program a\nbudget 1ms 18446744073709551616s\n", 2, "18446744073709551616s", "no time");
    assert_refused("program a\nbudget 0ms 2ms\n", 2, "0ms", "is nothing");
    assert_refused("program a\nbudget 1us 99us\n", 2, "99us", "shorter than 100us");
    assert_refused("program a\nbudget 91us 100us\n", 2, "91us", "nine tenths");
    assert_refused("program a\nbudget 2ms 9ms 1999us\n", 2, "1999us", "not between");
    assert_refused("program a\nbudget 2ms 9ms 10ms\n", 2, "10ms", "not between");
}

static void names_too_long(void **state)
{
    char source[128] = "program ";

    (void)state;
    memset(source + 8, 'a', NAME_BYTES_MAX + 1);
    assert_false(parse(source));
    assert_non_null(strstr(problem.text, "longer than 64"));
}

static void too_many_programs(void **state)
{
    char source[sizeof(text)] = "";
    size_t length = 0;

    (void)state;
    for (int i = 0; i <= MANIFEST_PROGRAMS_MAX; i++)
        length += (size_t)sprintf(source + length, "program p%d\nbank 1\n", i);
    assert_refused(source, MANIFEST_PROGRAMS_MAX * 2 + 1, "p48", "more than 48");
}

/* No input makes the parser leave its buffer: the sanitizers watch. */
static void random_bytes(void **state)
{
    static const char *const pieces[] = {"program ",
                                         "bank ",
                                         "*",
                                         "\n",
                                         "most",
                                         " ",
                                         "grant ",
                                         "\t",
                                         "#",
                                         "start",
                                         "18446744073709551616",
                                         "0x",
                                         "arguments ",
                                         "a",
                                         "path ",
                                         "service",
                                         "serves ",
                                         "uses ",
                                         "/"};

    (void)state;
    srand(1);
    for (int turn = 0; turn < 20000; turn++) {
        char *source = malloc(257);
        size_t length = 0;

        while (length < 200) {
            const char *piece = pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))];

            memcpy(source + length, piece, strlen(piece));
            length += strlen(piece);
        }
        source = realloc(source, length + 1);
        source[length] = '\0';
        manifest_parse(source, length, &manifest, &problem);
        free(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets),        cmocka_unit_test(full_entry),        cmocka_unit_test(defaults),
        cmocka_unit_test(empty),          cmocka_unit_test(finding),           cmocka_unit_test(mistakes),
        cmocka_unit_test(names_too_long), cmocka_unit_test(too_many_programs), cmocka_unit_test(random_bytes),
        cmocka_unit_test(ceilings),       cmocka_unit_test(services),          cmocka_unit_test(service_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
