/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include <winkle/abi.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define WORDS_MAX (MANIFEST_ARGUMENTS_MAX + 1)
#define PRIORITY_DEFAULT 100
#define CEILING_NOT_GIVEN UINT64_MAX
#define NAME_BYTES_MAX 64
#define NS_PER_SECOND UINT64_C(1000000000)
#define PERIOD_LEAST_NS 100000
#define PERIOD_MOST_NS (1000 * NS_PER_SECOND)
#define DIVISOR_MAX 1000

/* A line under its reading: its words. */
struct line {
    const char *words[WORDS_MAX];
    unsigned count;
    const char *excess; /* the first word too many, or NULL */
};

struct parser {
    struct manifest *manifest;
    struct manifest_program *program; /* the entry under way, or NULL */
    const struct line *line;
    struct manifest_problem *problem;
};

static bool refuse(struct parser *parser, const char *text, const char *word)
{
    parser->problem->text = text;
    parser->problem->word = word;
    return false;
}

static bool read_number(struct parser *parser, uint64_t least, uint64_t most, uint64_t *number)
{
    const char *word = parser->line->words[1];

    if (!wk_parse_number(word, strlen(word), number))
        return refuse(parser, "this is no number", word);
    if (*number < least || *number > most)
        return refuse(parser, "this number is out of range", word);
    return true;
}

static bool read_program(struct parser *parser)
{
    const char *name = parser->line->words[1];
    const size_t length = strlen(name);

    if (length > NAME_BYTES_MAX)
        return refuse(parser, "this name is longer than 64 bytes", name);
    for (size_t i = 0; i + 1 < length; i++) {
        if (name[i] == '*')
            return refuse(parser, "a `*` may stand only at the end of a name", name);
    }
    for (unsigned i = 0; i < parser->manifest->program_count; i++) {
        if (strcmp(parser->manifest->programs[i].name, name) == 0)
            return refuse(parser, "there is an entry of this name already", name);
    }
    if (parser->manifest->program_count == MANIFEST_PROGRAMS_MAX)
        return refuse(parser, "there are more than 48 programs", name);
    parser->program = &parser->manifest->programs[parser->manifest->program_count++];
    *parser->program = (struct manifest_program){
        .name = name, .priority = PRIORITY_DEFAULT, .ceiling = CEILING_NOT_GIVEN, .line = parser->problem->line};
    return true;
}

static bool read_path(struct parser *parser)
{
    parser->program->path = parser->line->words[1];
    return true;
}

static bool read_arguments(struct parser *parser)
{
    for (unsigned i = 1; i < parser->line->count; i++)
        parser->program->arguments[i - 1] = parser->line->words[i];
    parser->program->argument_count = parser->line->count - 1;
    return true;
}

/* A number, `most`, or `most/N`. */
static bool read_pages(struct parser *parser, uint64_t *pages, uint64_t *divisor)
{
    const char *word = parser->line->words[1];

    *divisor = 1;
    if (strncmp(word, "most", 4) != 0 || (word[4] != '\0' && word[4] != '/'))
        return read_number(parser, 1, WK_PAGE_COUNT_MAX, pages);
    *pages = MANIFEST_BANK_MOST;
    if (word[4] == '\0')
        return true;
    if (!wk_parse_number(word + 5, strlen(word + 5), divisor) || *divisor == 0 || *divisor > DIVISOR_MAX)
        return refuse(parser, "this is no part of `most`; expected a number from 1 to 1000 behind the `/`", word);
    return true;
}

static bool read_bank(struct parser *parser)
{
    return read_pages(parser, &parser->program->bank_pages, &parser->program->bank_divisor);
}

static bool read_tim(struct parser *parser)
{
    return read_pages(parser, &parser->program->tim_pages, &parser->program->tim_divisor);
}

static bool read_priority(struct parser *parser)
{
    return read_number(parser, 0, WK_PRIORITY_HIGHEST, &parser->program->priority);
}

static bool read_ceiling(struct parser *parser)
{
    return read_number(parser, 0, WK_PRIORITY_HIGHEST, &parser->program->ceiling);
}

/* A number and its unit, `250us`. */
static bool read_time(struct parser *parser, unsigned index, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", NS_PER_SECOND}};
    const char *word = parser->line->words[index];
    size_t digits = 0;

    while (word[digits] >= '0' && word[digits] <= '9')
        digits++;
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, word + digits) != 0 || !wk_parse_number(word, digits, ns))
            continue;
        if (*ns > PERIOD_MOST_NS / units[i].ns)
            return refuse(parser, "this time is longer than 1000s, the longest period", word);
        *ns *= units[i].ns;
        return true;
    }
    return refuse(parser, "this is no time; expected a number and its unit, ns, us, ms or s, as in 500us", word);
}

/* Init itself needs some time on that hart. */
static bool read_budget(struct parser *parser)
{
    struct manifest_program *program = parser->program;
    const char *const *words = parser->line->words;

    if (!read_time(parser, 1, &program->capacity_ns) || !read_time(parser, 2, &program->period_ns))
        return false;
    if (program->capacity_ns == 0)
        return refuse(parser, "this capacity is nothing; without a line `budget` the program shares what init has",
                      words[1]);
    if (program->period_ns < PERIOD_LEAST_NS)
        return refuse(parser, "this period is shorter than 100us", words[2]);
    if (program->capacity_ns > program->period_ns / 10 * 9)
        return refuse(parser, "this capacity is more than nine tenths of the period, and leaves init too little",
                      words[1]);
    if (parser->line->count <= 3)
        return true;
    if (!read_time(parser, 3, &program->deadline_ns))
        return false;
    if (program->deadline_ns < program->capacity_ns || program->deadline_ns > program->period_ns)
        return refuse(parser, "this deadline is not between capacity and period", words[3]);
    return true;
}

static bool read_restart(struct parser *parser)
{
    return read_number(parser, 0, UINT32_MAX, &parser->program->restarts);
}

static bool is_for_several(const struct manifest_program *program)
{
    return program->name[strlen(program->name) - 1] == '*';
}

static bool read_start(struct parser *parser)
{
    if (is_for_several(parser->program))
        return refuse(parser, "an entry for several programs can't be started", parser->program->name);
    parser->program->start = true;
    return true;
}

static bool read_forks(struct parser *parser)
{
    parser->program->forks = true;
    return true;
}

static bool read_service(struct parser *parser)
{
    if (is_for_several(parser->program))
        return refuse(parser, "an entry for several programs can't be a service", parser->program->name);
    parser->program->service = true;
    return true;
}

/* Under the name a client gets its session, and the service itself its endpoint under the name "endpoint". */
static bool is_free_name(struct parser *parser, const char *name)
{
    static const char *const taken[] = {"machine", "trace", "archive", "device-tree", "tim", "endpoint"};

    if (strlen(name) >= WK_NAME_BYTES)
        return refuse(parser, "this name is longer than 15 bytes", name);
    for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (strcmp(taken[i], name) == 0)
            return refuse(parser, "another capability has this name", name);
    }
    return true;
}

static bool read_serves(struct parser *parser)
{
    const char *name = parser->line->words[1];

    if (!is_free_name(parser, name))
        return false;
    if (manifest_find_service(parser->manifest, name) != NULL)
        return refuse(parser, "another entry serves this name already", name);
    parser->program->serves = name;
    return true;
}

static bool read_uses(struct parser *parser)
{
    struct manifest_program *program = parser->program;

    for (unsigned i = 1; i < parser->line->count; i++) {
        const char *name = parser->line->words[i];

        for (unsigned earlier = 0; earlier < program->use_count; earlier++) {
            if (strcmp(program->uses[earlier], name) == 0)
                return refuse(parser, "this name is there twice", name);
        }
        if (program->use_count == MANIFEST_USES_MAX)
            return refuse(parser, "a program uses at most 8 services; this is one too many", name);
        program->uses[program->use_count++] = name;
    }
    return true;
}

static bool read_grant(struct parser *parser)
{
    static const char *const names[] = {"console", "power",   "device",      "inspect",
                                        "trace",   "archive", "device-tree", "harts"};
    const unsigned count = sizeof(names) / sizeof(names[0]);

    for (unsigned i = 1; i < parser->line->count; i++) {
        unsigned grant = 0;

        while (grant < count && strcmp(names[grant], parser->line->words[i]) != 0)
            grant++;
        if (grant == count)
            return refuse(parser,
                          "there is nothing of this name to grant; there are console, power, device, inspect, trace, "
                          "archive, device-tree, harts",
                          parser->line->words[i]);
        parser->program->grants |= 1u << grant;
    }
    return true;
}

struct keyword {
    const char *name;
    bool (*read)(struct parser *parser);
    unsigned values_least, values_most;
};

static const struct keyword keywords[] = {
    {"program", read_program, 1, 1},
    {"path", read_path, 1, 1},
    {"bank", read_bank, 1, 1},
    {"arguments", read_arguments, 1, MANIFEST_ARGUMENTS_MAX},
    {"priority", read_priority, 1, 1},
    {"grant", read_grant, 1, MANIFEST_ARGUMENTS_MAX},
    {"ceiling", read_ceiling, 1, 1},
    {"budget", read_budget, 2, 3},
    {"restart", read_restart, 1, 1},
    {"start", read_start, 0, 0},
    {"tim", read_tim, 1, 1},
    {"service", read_service, 0, 0},
    {"forks", read_forks, 0, 0},
    {"serves", read_serves, 1, 1},
    {"uses", read_uses, 1, MANIFEST_USES_MAX},
};

static bool read_line(struct parser *parser)
{
    const char *first = parser->line->words[0];

    for (unsigned i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        const struct keyword *keyword = &keywords[i];

        if (strcmp(keyword->name, first) != 0)
            continue;
        if (parser->line->count - 1 < keyword->values_least)
            return refuse(parser, "a value is missing after this word", first);
        if (parser->line->count - 1 > keyword->values_most)
            return refuse(parser, "this word is one too many", parser->line->words[keyword->values_most + 1]);
        if (parser->line->excess != NULL)
            return refuse(parser, "this word is one too many", parser->line->excess);
        if (parser->program == NULL && keyword->read != read_program)
            return refuse(parser, "a line `program NAME` must come before this word", first);
        return keyword->read(parser);
    }
    return refuse(parser,
                  "this is no word of a manifest; they are program, path, arguments, bank, tim, priority, ceiling, "
                  "budget, grant, start, restart, service, serves, uses, forks",
                  first);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Takes the line that begins at `text` apart; returns where the next one begins. */
static char *split_line(char *text, const char *end, struct line *line)
{
    *line = (struct line){0};
    while (text < end && *text != '\n') {
        if (is_blank(*text)) {
            *text++ = '\0';
            continue;
        }
        if (*text == '#') {
            while (text < end && *text != '\n')
                *text++ = '\0';
            break;
        }
        if (line->count < WORDS_MAX)
            line->words[line->count++] = text;
        else if (line->excess == NULL)
            line->excess = text;
        while (text < end && *text != '\n' && !is_blank(*text))
            text++;
    }
    if (text < end)
        *text++ = '\0';
    return text;
}

static bool check_services(struct parser *parser, const struct manifest_program *program)
{
    if (program->serves != NULL && !program->service)
        return refuse(parser, "this program serves, but has no line `service`", program->name);
    for (unsigned i = 0; i < program->use_count; i++) {
        if (manifest_find_service(parser->manifest, program->uses[i]) == NULL)
            return refuse(parser, "no program serves this name", program->uses[i]);
    }
    return true;
}

static bool uses_only(const struct manifest *manifest, const struct manifest_program *program, const bool *can_start)
{
    for (unsigned i = 0; i < program->use_count; i++) {
        if (!can_start[manifest_find_service(manifest, program->uses[i]) - manifest->programs])
            return false;
    }
    return true;
}

/* Nobody uses itself through others: each entry can start after others that can. */
static bool check_order(struct parser *parser)
{
    const struct manifest *manifest = parser->manifest;
    bool can_start[MANIFEST_PROGRAMS_MAX] = {false};
    unsigned last = 0;

    for (unsigned round = 0; round < manifest->program_count; round++) {
        for (unsigned i = 0; i < manifest->program_count; i++)
            can_start[i] = can_start[i] || uses_only(manifest, &manifest->programs[i], can_start);
    }
    while (last < manifest->program_count && can_start[last])
        last++;
    if (last == manifest->program_count)
        return true;
    parser->problem->line = manifest->programs[last].line;
    return refuse(parser, "this program uses a service that uses itself, be it through others",
                  manifest->programs[last].name);
}

static bool check_entries(struct parser *parser)
{
    for (unsigned i = 0; i < parser->manifest->program_count; i++) {
        struct manifest_program *program = &parser->manifest->programs[i];

        parser->problem->line = program->line;
        if (program->bank_pages == 0)
            return refuse(parser, "this program has no line `bank PAGES`", program->name);
        if (program->ceiling == CEILING_NOT_GIVEN)
            program->ceiling = program->priority;
        if (program->ceiling < program->priority)
            return refuse(parser, "this program's ceiling is below its priority, which is 100 if it has no line",
                          program->name);
        if (!check_services(parser, program))
            return false;
    }
    return check_order(parser);
}

bool manifest_parse(char *text, size_t length, struct manifest *manifest, struct manifest_problem *problem)
{
    const char *end = text + length;
    struct line line;
    struct parser parser = {.manifest = manifest, .line = &line, .problem = problem};

    manifest->program_count = 0;
    *problem = (struct manifest_problem){.line = 0, .text = "", .word = ""};
    for (size_t i = 0; i < length; i++) {
        problem->line += i == 0 || text[i - 1] == '\n';
        if ((text[i] < ' ' && text[i] != '\n' && !is_blank(text[i])) || text[i] > '~')
            return refuse(&parser, "there is a byte that is no ASCII text", "");
    }
    problem->line = 0;
    while (text < end) {
        problem->line++;
        text = split_line(text, end, &line);
        if (line.count > 0 && !read_line(&parser))
            return false;
    }
    return check_entries(&parser);
}

const struct manifest_program *manifest_find(const struct manifest *manifest, const char *name)
{
    const struct manifest_program *best = NULL;
    size_t best_length = 0;

    for (unsigned i = 0; i < manifest->program_count; i++) {
        const struct manifest_program *program = &manifest->programs[i];
        const size_t length = strlen(program->name);

        if (strcmp(program->name, name) == 0)
            return program;
        if (program->name[length - 1] != '*' || strncmp(program->name, name, length - 1) != 0)
            continue;
        if (best == NULL || length > best_length) {
            best = program;
            best_length = length;
        }
    }
    return best;
}

const struct manifest_program *manifest_find_service(const struct manifest *manifest, const char *name)
{
    for (unsigned i = 0; i < manifest->program_count; i++) {
        const struct manifest_program *program = &manifest->programs[i];

        if (program->serves != NULL && strcmp(program->serves, name) == 0)
            return program;
    }
    return NULL;
}
