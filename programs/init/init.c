/* SPDX-License-Identifier: MIT */
/*
 * The first process. It reads the boot archive and its manifest, runs what the manifest says (or the one program that
 * the command line names after `--`), and powers the machine off.
 *
 * With a command the console follows a protocol, which tools/console.py reads: a line `\001winkle:begin`, what the
 * program prints, then `\001winkle:exit STATUS` or `\001winkle:crash REASON`; before that, if the kernel has meters, lines
 * `\001winkle:longest OPERATION INSTRUCTIONS`.
 */
#include "init.h"

#include <winkle/boot.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/machine.h>
#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/text.h>

#define MANIFEST_NAME "boot.manifest"
#define MANIFEST_BYTES_MAX 16384
#define END_TEXT_BYTES 96
/* The program that runs those of Linux. */
#define PERSONALITY "linux"
/* So many capabilities init has at a time at most, or nearly. */
#define CAPABILITIES 200

/* init.ld: from the first page of data to behind the last of zeroed memory. */
extern const uint8_t init_data[], init_end[];

static struct init init;
static char command_line[sizeof(((struct wk_boot_page *)0)->command_line)];
static char manifest_text[MANIFEST_BYTES_MAX + 1];

void power_off(int status)
{
    for (;;) {
        wk_machine_power_off(wk_self.machine, (uint64_t)status);
        wk_print("winkle: the machine can't be powered off; leave QEMU with Ctrl-A X\n");
        wk_event_wait(init.end_event, UINT64_C(1) << 63, WK_FOREVER, &(uint64_t){0});
    }
}

/* Says why nothing can be run, where it is seen also when a command was given. */
__attribute__((noreturn)) static void give_up(int status)
{
    if (init.command_count > 0)
        wk_print("\001winkle:exit %d\n", status);
    power_off(status);
}

/* % and two hexadecimal digits are the byte that they name, in place. */
static void decode(char *word)
{
    char *to = word;

    for (const char *at = word; *at != '\0'; at++) {
        const char digits[] = {'0', 'x', at[0] == '%' ? at[1] : '\0', at[0] == '%' && at[1] != '\0' ? at[2] : '\0'};
        uint64_t byte;

        if (!wk_parse_number(digits, sizeof(digits), &byte)) {
            *to++ = *at;
            continue;
        }
        *to++ = (char)byte;
        at += 2;
    }
    *to = '\0';
}

static void read_command_line(void)
{
    const struct wk_boot_page *boot = (const struct wk_boot_page *)WK_BOOT_PAGE_ADDRESS;
    char *at = command_line;
    bool is_command = false;

    memcpy(command_line, boot->command_line, sizeof(command_line) - 1);
    while (*at != '\0') {
        char *word = at;

        while (*at != '\0' && *at != ' ')
            at++;
        if (*at != '\0')
            *at++ = '\0';
        if (*word == '\0')
            continue;
        if (is_command && init.command_count < COMMAND_WORDS_MAX) {
            decode(word);
            init.command[init.command_count++] = word;
        } else if (strcmp(word, "--") == 0)
            is_command = true;
        else if (strcmp(word, "quiet") == 0)
            init.quiet = true;
    }
}

static void open_archive(void)
{
    enum wk_status status = wk_archive_map(&init.archive);
    const char *problem;
    size_t offset;

    if (status != WK_OK) {
        wk_print("winkle: there is no boot archive (%s); give QEMU one with -initrd\n", wk_status_name(status));
        give_up(INIT_REFUSED);
    }
    problem = wk_archive_check(&init.archive, &offset);
    if (problem != NULL) {
        wk_print("winkle: boot archive: entry at byte %lu: %s\n", offset, problem);
        give_up(INIT_REFUSED);
    }
}

static void read_manifest(void)
{
    struct manifest_problem problem;
    struct wk_file file;

    if (wk_archive_find(&init.archive, MANIFEST_NAME, &file) != 0) {
        wk_print("winkle: boot archive: there is no file " MANIFEST_NAME "\n");
        give_up(INIT_REFUSED);
    }
    if (file.length > MANIFEST_BYTES_MAX) {
        wk_print("winkle: " MANIFEST_NAME ": it is longer than %u bytes\n", MANIFEST_BYTES_MAX);
        give_up(INIT_REFUSED);
    }
    memcpy(manifest_text, file.bytes, file.length);
    if (!manifest_parse(manifest_text, file.length, &init.manifest, &problem)) {
        wk_print("winkle: " MANIFEST_NAME ":%u: %s: %s\n", problem.line, problem.word, problem.text);
        give_up(INIT_REFUSED);
    }
}

/* The status of a run for whoever started the machine. */
static int status_of(const struct run_result *result)
{
    if (!result->started)
        return result->refusal;
    if (!wk_end_is_exit(&result->end))
        return INIT_CRASHED;
    if ((result->end.detail & 0xff) == 0 && result->pages_lost != 0)
        return INIT_LOST_PAGES;
    return (int)(result->end.detail & 0xff);
}

/* What the kernel saw of each operation, if it has meters. */
static void print_meters(void)
{
    for (uint64_t operation = WK_OPERATION_FIRST; operation <= WK_OPERATION_LAST; operation++) {
        uint64_t longest;

        if (wk_machine_read_meter(wk_self.machine, WK_METER_OPERATION, operation, 0, &longest) != WK_OK)
            return;
        if (longest != 0)
            wk_print("\001winkle:longest %lu %lu\n", operation, longest);
    }
}

static int with_services_stopped(int status)
{
    const uint64_t lost = services_stop(&init);

    return status == 0 && lost != 0 ? INIT_LOST_PAGES : status;
}

/* A word that names no native program is one of Linux, if there is the personality, which runs it: then that becomes the
 * command's first word. */
static void find_personality(void)
{
    const struct manifest_program *program = manifest_find(&init.manifest, init.command[0]);
    const struct manifest_program *personality = manifest_find(&init.manifest, PERSONALITY);
    char path[WK_ARCHIVE_NAME_BYTES];
    struct wk_file file;

    wk_print_text(path, sizeof(path), "bin/%s", init.command[0]);
    if ((program != NULL && program->path != NULL) || wk_archive_find(&init.archive, path, &file) == 0)
        return;
    if (personality == NULL || strcmp(personality->name, PERSONALITY) != 0 ||
        wk_archive_find(&init.archive, "bin/" PERSONALITY, &file) != 0)
        return;
    for (unsigned i = init.command_count++; i > 0; i--)
        init.command[i] = init.command[i - 1];
    init.command[0] = PERSONALITY;
}

/* A command of one word has those that the manifest says. */
static void take_arguments(const struct manifest_program *program)
{
    for (unsigned i = 0; i < program->argument_count; i++)
        init.command[init.command_count++] = program->arguments[i];
}

__attribute__((noreturn)) static void run_command(void)
{
    const struct manifest_program *program;
    struct run_result result;
    char text[END_TEXT_BYTES];
    int status;

    find_personality();
    program = manifest_find(&init.manifest, init.command[0]);
    if (program == NULL) {
        wk_print("winkle: " MANIFEST_NAME " has no entry for a program named %s\n", init.command[0]);
        give_up(INIT_NOT_FOUND);
    }
    if (init.command_count == 1)
        take_arguments(program);
    result = run_program(&init, program, init.command[0], (int)init.command_count, init.command);
    status = with_services_stopped(status_of(&result));
    wk_end_print(&result.end, text, sizeof(text));
    print_meters();
    if (result.started && !wk_end_is_exit(&result.end))
        wk_print("\001winkle:crash %s\n", text);
    else
        wk_print("\001winkle:exit %d\n", status);
    power_off(status);
}

/* Runs one entry of the manifest, and again as often as its restart rule allows. Returns its status. */
static int run_entry(const struct manifest_program *program)
{
    const char *argv[1 + MANIFEST_ARGUMENTS_MAX] = {program->name};
    char text[END_TEXT_BYTES];

    memcpy(argv + 1, program->arguments, sizeof(program->arguments));
    for (uint64_t run = 0;; run++) {
        const struct run_result result =
            run_program(&init, program, program->name, 1 + (int)program->argument_count, argv);
        const int status = status_of(&result);

        if (!result.started || status == 0)
            return status;
        wk_end_print(&result.end, text, sizeof(text));
        wk_print("winkle: %s ended: %s\n", program->name, text);
        if (run == program->restarts)
            return status;
    }
}

__attribute__((noreturn)) static void run_manifest(void)
{
    int status = 0;

    for (unsigned i = 0; i < init.manifest.program_count; i++) {
        const struct manifest_program *program = &init.manifest.programs[i];

        if (!program->start)
            continue;
        if (!init.quiet)
            wk_print("winkle: starting %s\n", program->name);
        const int ended = program->service ? service_start(&init, program) : run_entry(program);

        if (status == 0)
            status = ended;
    }
    status = with_services_stopped(status);
    if (!init.quiet)
        wk_print("winkle: %s; powering off\n", status == 0 ? "all programs ended well, no memory lost" : "done");
    power_off(status);
}

/* Init's own pages come on demand from the bank whose account it checks: they shall not come while a program runs. */
static void touch_own_pages(void)
{
    for (uint64_t page = (uint64_t)init_data; page < (uint64_t)init_end; page += WK_PAGE_BYTES)
        (void)*(const volatile uint8_t *)page;
}

/* Nor shall pages of init's table, which stay once they are there. */
static void extend_own_table(void)
{
    static wk_handle handles[CAPABILITIES];
    unsigned count = 0;

    while (count < CAPABILITIES && wk_capability_dup(wk_self.bank, WK_RIGHTS_ALL, &handles[count]) == WK_OK)
        count++;
    while (count > 0)
        wk_capability_delete(handles[--count]);
}

int main(void)
{
    touch_own_pages();
    extend_own_table();
    read_command_line();
    if (init.command_count > 0)
        wk_print("\001winkle:begin\n");
    open_archive();
    read_manifest();
    if (wk_event_create(wk_self.bank, &init.end_event) != WK_OK) {
        wk_print("winkle: init has no memory for its event\n");
        give_up(INIT_REFUSED);
    }
    init.at_start = account_read();
    if (init.command_count > 0)
        run_command();
    run_manifest();
}
