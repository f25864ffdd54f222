/* SPDX-License-Identifier: MIT */
#include "doubled.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void say_registers(FILE *text, const struct thread *thread)
{
    const bool runs = thread->hart->current == thread;
    const uint64_t *registers = runs ? thread->hart->arch.x : thread->context.x;

    for (unsigned number = 0; number < 32; number++)
        if (number <= 4 || number == 8 || number == 9 || (number >= 18 && number <= 27) || thread->stop == 0)
            fprintf(text, " %lx", (unsigned long)registers[number]);
}

static void write_all(int file, const char *text)
{
    size_t left = strlen(text);

    while (left != 0) {
        const ssize_t part = write(file, text, left);

        if (part <= 0)
            _exit(1);
        text += part;
        left -= (size_t)part;
    }
}

static char *read_all(int file)
{
    char *text;
    char part[4096];
    size_t bytes;
    ssize_t read_bytes;
    FILE *stream = open_memstream(&text, &bytes);

    assert_non_null(stream);
    while ((read_bytes = read(file, part, sizeof(part))) > 0)
        assert_int_equal(fwrite(part, 1, (size_t)read_bytes, stream), read_bytes);
    assert_int_equal(read_bytes, 0);
    fclose(stream);
    return text;
}

/* What the machine would be after the act without the short way: from a copy of this one. */
static char *act_in_copy(const struct doubled *doubled, const void *what)
{
    int ends[2];
    int status;
    pid_t child;
    char *said;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        doubled->set_short_way(false);
        doubled->act(what);
        doubled->set_short_way(true);
        write_all(ends[1], doubled->say());
        _exit(0);
    }
    close(ends[1]);
    said = read_all(ends[0]);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return said;
}

/* Where the line begins in which the two differ. */
static size_t difference_of(const char *one, const char *other)
{
    size_t line = 0;

    for (size_t i = 0; one[i] != '\0' && one[i] == other[i]; i++)
        if (one[i] == '\n')
            line = i + 1;
    return line;
}

void doubled_act(const struct doubled *doubled, const void *what)
{
    char *general = act_in_copy(doubled, what);
    char *straight;

    doubled->act(what);
    straight = doubled->say();
    if (strcmp(general, straight) != 0) {
        const size_t line = difference_of(general, straight);

        fail_msg("the short way leaves\n%.*s\nwhere the general one leaves\n%.*s", (int)strcspn(straight + line, "\n"),
                 straight + line, (int)strcspn(general + line, "\n"), general + line);
    }
    free(straight);
    free(general);
}
