/* SPDX-License-Identifier: MIT */
/*
 * execve: the process stays, its program is replaced. Everything that can be refused is refused before the old program's memory goes;
 * what fails later ends the process, as in Linux.
 */
#include "exec.h"

#include "calls.h"
#include "devices.h"
#include "end.h"
#include "load.h"
#include "loan.h"
#include "memory.h"
#include "native.h"
#include "node.h"
#include "paths.h"
#include "signals.h"
#include "threads.h"
#include "vdso.h"

#include <winkle/directory.h>
#include <winkle/heap.h>
#include <winkle/posix.h>
#include <winkle/text.h>

#include <asm/auxvec.h>
#include <asm/stat.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#define STRINGS_MAX UINT64_C(0x80000)
#define SCRIPT_BYTES 256
#define SCRIPTS_MAX 4
#define RANDOM_BYTES 16
/* The extensions that all machines have, as AT_HWCAP names them: by their letters. */
#define EXTENSION(letter) (UINT64_C(1) << ((letter) - 'A'))
#define EXTENSIONS (EXTENSION('I') | EXTENSION('M') | EXTENSION('A') | EXTENSION('F') | EXTENSION('D') | EXTENSION('C'))

char exec_path[PROGRAM_PATH_BYTES];

/* ---- strings ---- */

static int64_t strings_reserve(struct strings *strings, uint64_t more)
{
    uint64_t room = strings->room == 0 ? 4096 : strings->room;
    char *bytes;

    if (more > STRINGS_MAX - strings->used)
        return -E2BIG;
    while (room < strings->used + more)
        room *= 2;
    if (room == strings->room)
        return 0;
    bytes = wk_allocate(room);
    if (bytes == NULL)
        return -ENOMEM;
    if (strings->used != 0)
        memcpy(bytes, strings->bytes, strings->used);
    wk_free(strings->bytes);
    strings->bytes = bytes;
    strings->room = room;
    return 0;
}

int64_t strings_add(struct strings *strings, const char *text)
{
    const uint64_t bytes = strlen(text) + 1;
    const int64_t error = strings_reserve(strings, bytes);

    if (error != 0)
        return error;
    memcpy(strings->bytes + strings->used, text, bytes);
    strings->used += bytes;
    strings->count++;
    return 0;
}

void strings_end(struct strings *strings)
{
    wk_free(strings->bytes);
    *strings = (struct strings){0};
}

/* Those to which a NULL-terminated table of pointers in the program's memory leads. */
static int64_t strings_read(struct strings *strings, uint64_t table)
{
    for (; table != 0; table += sizeof(uint64_t)) {
        uint64_t pointer;
        int64_t length = -ENAMETOOLONG;

        if (copy_in(&pointer, table, sizeof(pointer)) != 0)
            return -EFAULT;
        if (pointer == 0)
            break;
        for (uint64_t room = 256; length == -ENAMETOOLONG; room *= 4) {
            const int64_t error = strings_reserve(strings, room);

            if (error != 0)
                return error;
            length = copy_text_in(strings->bytes + strings->used, pointer, room);
        }
        if (length < 0)
            return length;
        strings->used += (uint64_t)length + 1;
        strings->count++;
    }
    return 0;
}

/* Puts strings before the others, in place of the first `dropped` of them. */
static int64_t strings_prepend(struct strings *strings, const struct strings *first, uint64_t dropped)
{
    struct strings all = {0};
    const char *text = strings->bytes;
    int64_t error = strings_reserve(&all, first->used + strings->used);

    if (error != 0)
        return error;
    memcpy(all.bytes, first->bytes, first->used);
    all.used = first->used;
    all.count = first->count;
    for (uint64_t i = 0; i < strings->count; i++) {
        if (i >= dropped)
            error = strings_add(&all, text);
        text += strlen(text) + 1;
    }
    strings_end(strings);
    *strings = all;
    return error;
}

/* ---- finding the program ---- */

static int64_t open_program(const char *name, struct file **file)
{
    struct path path;
    int64_t error = path_begin_text(&path, AT_FDCWD, strcmp(name, "/proc/self/exe") == 0 ? exec_path : name);
    struct stat status;

    if (error == 0)
        error = path_open(&path, WK_OPEN_OPTIONS_READ | WK_OPEN_OPTIONS_EXECUTE, 0, O_RDONLY, file);
    path_end(&path);
    if (error == 0 && ((*file)->operations != &node_operations || (*file)->kind != WK_NODE_KIND_FILE)) {
        file_drop(*file);
        error = -EACCES;
    }
    if (error == 0)
        error = node_operations.status(*file, &status);
    if (error == 0 && (status.st_mode & 0111) == 0) {
        file_drop(*file);
        error = -EACCES;
    }
    return error;
}

/* A first line `#! INTERPRETER [ARGUMENT]`: its words. False if there is none. */
static bool read_script(const struct program *program, struct strings *words)
{
    char line[SCRIPT_BYTES];
    uint64_t length = program->page_bytes < sizeof(line) - 1 ? program->page_bytes : sizeof(line) - 1;
    char *at = line + 2, *argument;

    if (length < 3 || program->page[0] != '#' || program->page[1] != '!')
        return false;
    memcpy(line, program->page, length);
    line[length] = '\0';
    for (uint64_t i = 0; i < length; i++) {
        if (line[i] == '\n' || line[i] == '\0') {
            length = i;
            line[i] = '\0';
        }
    }
    while (length > 2 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        line[--length] = '\0';
    while (*at == ' ' || *at == '\t')
        at++;
    for (argument = at; *argument != '\0' && *argument != ' ' && *argument != '\t';)
        argument++;
    if (argument == at)
        return false;
    if (*argument != '\0')
        *argument++ = '\0';
    while (*argument == ' ' || *argument == '\t')
        argument++;
    return strings_add(words, at) == 0 && (*argument == '\0' || strings_add(words, argument) == 0);
}

/* Finds the program that a path leads to, over the interpreters of scripts; *arguments become what it is to be given. */
static int64_t find_program(const char *name, struct strings *arguments, struct program *program)
{
    char *path = wk_allocate(PATH_BYTES);
    int64_t error = path == NULL ? -ENOMEM : strlen(name) >= PATH_BYTES ? -ENAMETOOLONG : 0;

    if (error == 0)
        memcpy(path, name, strlen(name) + 1);
    for (unsigned depth = 0; error == 0; depth++) {
        struct strings words = {0};
        struct file *file;

        error = open_program(path, &file);
        if (error != 0)
            break;
        error = program_read(program, file);
        if (error != -ENOEXEC || !read_script(program, &words)) {
            if (error != 0)
                program_end(program);
            break;
        }
        program_end(program);
        error = depth == SCRIPTS_MAX ? -ELOOP : strings_add(&words, path);
        if (error == 0)
            error = strings_prepend(arguments, &words, 1);
        if (error == 0)
            memcpy(path, words.bytes, strlen(words.bytes) + 1);
        strings_end(&words);
    }
    if (error == 0) {
        path_of(program->file->session, exec_path, sizeof(exec_path));
    }
    wk_free(path);
    return error;
}

/* ---- starting it ---- */

/* Grows down from the end of the program's addresses. */
struct stack {
    uint64_t sp;
};

static uint64_t push(struct stack *stack, const void *bytes, uint64_t length)
{
    stack->sp -= length;
    memcpy((void *)stack->sp, bytes, length);
    return stack->sp;
}

/* Writes pointers to strings that lie one behind the other, and a NULL. Returns where the next word goes. */
static uint64_t *point_at(uint64_t *to, uint64_t strings, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        *to++ = strings;
        strings += strlen((const char *)strings) + 1;
    }
    *to++ = 0;
    return to;
}

/* Source: System V ABI, "Process Initialization". */
static void fill_stack(const struct program *program, uint64_t bias, uint64_t interpreter,
                       const struct strings *arguments, const struct strings *environment)
{
    struct stack stack = {PROGRAM_END - sizeof(uint64_t)};
    uint64_t random[RANDOM_BYTES / sizeof(uint64_t)];
    uint64_t name, seed, environment_at, arguments_at, *words;

    device_random(random, sizeof(random));
    name = push(&stack, exec_path, strlen(exec_path) + 1);
    environment_at = push(&stack, environment->bytes, environment->used);
    arguments_at = push(&stack, arguments->bytes, arguments->used);
    stack.sp &= ~UINT64_C(15);
    seed = push(&stack, random, sizeof(random));
    const uint64_t auxiliary[][2] = {
        {AT_PHDR, program->headers == 0 ? 0 : program->headers + bias},
        {AT_PHENT, 56},
        {AT_PHNUM, program->header_count},
        {AT_PAGESZ, WK_PAGE_BYTES},
        {AT_BASE, interpreter},
        {AT_FLAGS, 0},
        {AT_ENTRY, program->entry + bias},
        {AT_UID, linux_process.user},
        {AT_EUID, linux_process.effective_user},
        {AT_GID, linux_process.group},
        {AT_EGID, linux_process.effective_group},
        {AT_SECURE, 0},
        {AT_SYSINFO_EHDR, linux_process.vdso},
        {AT_HWCAP, EXTENSIONS},
        {AT_CLKTCK, 100},
        {AT_RANDOM, seed},
        {AT_EXECFN, name},
        {AT_NULL, 0},
    };
    stack.sp -= (1 + arguments->count + 1 + environment->count + 1) * sizeof(uint64_t) + sizeof(auxiliary);
    stack.sp &= ~UINT64_C(15);
    words = (uint64_t *)stack.sp;
    *words++ = arguments->count;
    words = point_at(words, arguments_at, arguments->count);
    words = point_at(words, environment_at, environment->count);
    memcpy(words, auxiliary, sizeof(auxiliary));
    linux_process.stack = stack.sp;
    linux_process.arguments = arguments_at;
    linux_process.arguments_bytes = arguments->used;
}

/* Where a program that can lie anywhere goes. */
static uint64_t place_of(const struct program *program, uint64_t anywhere)
{
    return program->is_anywhere ? anywhere : program->first;
}

static int64_t map_programs(const struct program *program, const struct program *interpreter, uint64_t *bias,
                            uint64_t *interpreter_bias)
{
    const uint64_t at = place_of(program, PROGRAM_ANYWHERE);
    int64_t error = program_map(program, at);

    *bias = at - program->first;
    space.heap_first = space.heap_end = program->end + *bias;
    if (error == 0)
        error = memory_map_own(STACK_FIRST, STACK_BYTES, PROT_READ | PROT_WRITE);
    *interpreter_bias = 0;
    if (error == 0 && interpreter->file != NULL) {
        const uint64_t there = place_of(interpreter, memory_choose(0, interpreter->end - interpreter->first));

        error = there == 0 ? -ENOMEM : program_map(interpreter, there);
        *interpreter_bias = there - interpreter->first;
    }
    if (error == 0)
        vdso_map();
    return error;
}

static void set_name(const char *path)
{
    const char *name = path;

    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '/')
            name = at + 1;
    }
    memset(linux_process.name, 0, sizeof(linux_process.name));
    for (unsigned i = 0; i + 1 < sizeof(linux_process.name) && name[i] != '\0'; i++)
        linux_process.name[i] = name[i];
    exec_tell_name();
}

/* For the lists of processes: as much as the service keeps. */
static void tell_arguments(const struct strings *arguments)
{
    const uint64_t length = arguments->used < WK_ARGUMENTS_MAX ? arguments->used : WK_ARGUMENTS_MAX;

    for (uint64_t position = 0; position < length; position += WK_ARGUMENTS_PART) {
        const uint64_t left = length - position;
        uint64_t words[WK_ARGUMENTS_PART / sizeof(uint64_t)] = {0};

        memcpy(words, arguments->bytes + position, left < sizeof(words) ? left : sizeof(words));
        wk_posix_set_arguments(linux_process.posix, position | length << 32, words[0], words[1], words[2], words[3],
                               words[4]);
    }
}

void exec_tell_name(void)
{
    uint64_t words[2];

    memcpy(words, linux_process.name, sizeof(words));
    wk_posix_set_name(linux_process.posix, words[0], words[1]);
}

static void begin(const struct program *program, const struct program *interpreter, const struct strings *arguments,
                  const struct strings *environment)
{
    uint64_t bias, interpreter_bias;

    threads_end_others();
    descriptors_close_on_exec();
    signals_for_program();
    thread_tell_end(current());
    wk_lock_take(&linux_lock);
    memory_clear();
    loan_return();
    if (program->is_native) {
        wk_lock_release(&linux_lock);
        set_name(exec_path);
        tell_arguments(arguments);
        native_run();
    }
    if (map_programs(program, interpreter, &bias, &interpreter_bias) != 0)
        end_by_signal(SIGNAL_KILL);
    wk_lock_release(&linux_lock);
    set_name(exec_path);
    tell_arguments(arguments);
    fill_stack(program, bias, interpreter->file == NULL ? 0 : interpreter_bias + interpreter->first, arguments,
               environment);
    linux_process.entry = interpreter->file == NULL ? program->entry + bias : interpreter->entry + interpreter_bias;
    current()->attention |= ATTENTION_PROGRAM;
}

int64_t exec_program(const char *path, struct strings *arguments, struct strings *environment)
{
    struct program program = {0}, interpreter = {0};
    struct file *file;
    int64_t error = find_program(path, arguments, &program);

    if (error == 0 && program.interpreter[0] != '\0') {
        error = open_program(program.interpreter, &file);
        if (error == 0)
            error = program_read(&interpreter, file);
    }
    if (error == 0 && program.is_native)
        error = native_prepare(program.file, arguments);
    if (error == 0)
        begin(&program, &interpreter, arguments, environment);
    program_end(&interpreter);
    program_end(&program);
    return error;
}

int64_t linux_execve(uint64_t path, uint64_t arguments, uint64_t environment)
{
    struct strings words = {0}, variables = {0};
    char *text = wk_allocate(PATH_BYTES);
    int64_t error = text == NULL ? -ENOMEM : copy_text_in(text, path, PATH_BYTES);

    if (error > 0)
        error = strings_read(&words, arguments);
    else if (error == 0)
        error = -ENOENT;
    if (error == 0)
        error = strings_read(&variables, environment);
    if (error == 0 && words.count == 0)
        error = strings_add(&words, "");
    if (error == 0)
        error = exec_program(text, &words, &variables);
    strings_end(&variables);
    strings_end(&words);
    wk_free(text);
    return error;
}
