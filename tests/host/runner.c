/* SPDX-License-Identifier: MIT */
/* Runs tests, each in a process of its own: a test that aborts or hangs fails alone. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_SECONDS 120

/* The sanitizer shall report a wild pointer where it is used, before cmocka's handler makes a mere failure of it. What a
 * test leaves behind goes with its process. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allow_user_segv_handler=0:detect_leaks=0";
}

static int run_here(const struct CMUnitTest *test)
{
    return _cmocka_run_group_tests(test->name, test, 1, NULL, NULL);
}

/* Runs the test with its output into a file, which is shown only if the test fails. */
static bool run_apart(const struct CMUnitTest *test)
{
    FILE *output = tmpfile();
    char line[512];
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        if (output == NULL || dup2(fileno(output), 1) < 0 || dup2(fileno(output), 2) < 0)
            _exit(2);
        alarm(TEST_SECONDS);
        exit(run_here(test) == 0 ? 0 : 1);
    }
    if (output == NULL || child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        printf("ok %s\n", test->name);
        fclose(output);
        return true;
    }
    printf("FAILED %s\n", test->name);
    rewind(output);
    while (fgets(line, sizeof(line), output) != NULL)
        printf("    %s", line);
    if (WIFSIGNALED(status))
        printf("    ended by signal %d%s\n", WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
    fclose(output);
    return false;
}

static bool is_wanted(int count, char **arguments, const char *name)
{
    for (int i = 1; i < count; i++)
        if (strcmp(arguments[i], name) == 0)
            return true;
    return count <= 1;
}

int run_machine_tests(int count, char **arguments, const struct CMUnitTest *tests, size_t test_count)
{
    const bool debug = count == 3 && strcmp(arguments[1], "-d") == 0;
    const char *program = strrchr(arguments[0], '/') == NULL ? arguments[0] : strrchr(arguments[0], '/') + 1;
    size_t failed = 0;
    size_t run = 0;

    for (size_t i = 0; i < test_count; i++) {
        if (!is_wanted(count, arguments, tests[i].name))
            continue;
        if (debug)
            return run_here(&tests[i]);
        run++;
        failed += !run_apart(&tests[i]);
    }
    printf("%s: %zu tests, %zu failed\n", program, run, failed);
    return failed != 0 || run == 0;
}
