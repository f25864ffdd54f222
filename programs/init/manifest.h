/* SPDX-License-Identifier: MIT */
/*
 * The manifest: what programs there are, and with what each of them starts. docs/programs.md describes the format. It
 * comes from the boot archive and is hostile until parsed.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_PROGRAMS_MAX 48
#define MANIFEST_ARGUMENTS_MAX 8
#define MANIFEST_USES_MAX 8
#define MANIFEST_BANK_MOST UINT64_MAX

enum manifest_grant {
    GRANT_CONSOLE = 1,      /* machine: write and read the console */
    GRANT_POWER = 2,        /* machine: power off and reboot */
    GRANT_DEVICE = 4,       /* machine: claim device memory and interrupt lines */
    GRANT_INSPECT = 8,      /* machine: list all objects, read meters */
    GRANT_TRACE = 16,       /* trace */
    GRANT_ARCHIVE = 32,     /* memory: the boot archive, read-only */
    GRANT_DEVICE_TREE = 64, /* memory: the device tree, read-only */
    GRANT_HARTS = 128       /* budgets: a share of each hart, up to the program's ceiling */
};

struct manifest_program {
    const char *name; /* a name, or a beginning of names followed by `*` */
    const char *path; /* NULL: bin/ and the name */
    const char *arguments[MANIFEST_ARGUMENTS_MAX];
    unsigned argument_count;
    uint64_t bank_pages;   /* MANIFEST_BANK_MOST: what init can spare, */
    uint64_t bank_divisor; /* divided by this */
    uint64_t tim_pages;    /* of tightly-integrated memory; MANIFEST_BANK_MOST: all there is, which may be none, */
    uint64_t tim_divisor;  /* divided by this */
    uint64_t priority;
    uint64_t ceiling;
    uint64_t capacity_ns; /* of its budget; 0: it shares what init has */
    uint64_t period_ns, deadline_ns;
    unsigned grants; /* enum manifest_grant */
    uint64_t restarts;
    bool start;   /* started in a normal boot, in the order of the manifest */
    bool forks;   /* it makes copies of itself, which may outlive it: what it is granted is its own, its image too */
    bool service; /* it runs until the machine is powered off, beside programs that use it */
    const char *serves; /* the name by which others use it; NULL: nobody does */
    const char *uses[MANIFEST_USES_MAX];
    unsigned use_count;
    unsigned line;
};

struct manifest {
    struct manifest_program programs[MANIFEST_PROGRAMS_MAX];
    unsigned program_count;
};

/* Where and why a manifest was refused. */
struct manifest_problem {
    unsigned line;
    const char *text;
    const char *word; /* the word that is wrong, "" if none is */
};

/* Parses `text`, `length` bytes and a zero byte behind them; words in it are ended by zero bytes and stay in use. */
bool manifest_parse(char *text, size_t length, struct manifest *manifest, struct manifest_problem *problem);
/* The entry for a program: the one with this name, else the one with the longest matching beginning; NULL if none. */
const struct manifest_program *manifest_find(const struct manifest *manifest, const char *name);
/* The entry that serves this name; NULL if none. */
const struct manifest_program *manifest_find_service(const struct manifest *manifest, const char *name);

#endif
