/* SPDX-License-Identifier: MIT */
/*
 * A plugin of the emulator: which of its harts executed how much. Harts that are emulated in turns share one counter of
 * instructions, so what a program measures with it has the others' turns in it. This takes them out again.
 *
 * The program marks an instant. Then it says how many instructions of the shared counter ago a stretch had begun that
 * ended at that instant, bit by bit. All that is by instructions without effect (programs/bench/stamps.S). For each stretch
 * a line is written: instructions that the marking hart executed in it, how often it had to wait for the kernel's lock,
 * instructions of all harts. What it executes while it waits for the lock is left out: it is as long as the turn of another.
 *
 * usage: -plugin turns.so,out=FILE,wait=FIRST:LAST   the addresses of the kernel's function that waits for the lock
 *
 * Blocks of code are counted as a whole when they begin; what a page fault leaves undone of one is counted twice.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The emulator's interface, as far as it is used; no package has it as a header. */
typedef void (*on_translation)(uint64_t plugin, void *block);
typedef void (*on_execution)(unsigned hart, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t plugin, on_translation call);
void qemu_plugin_register_vcpu_tb_exec_cb(void *block, on_execution call, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(void *instruction, on_execution call, int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t plugin, void (*call)(uint64_t plugin, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const void *block);
void *qemu_plugin_tb_get_insn(const void *block, size_t index);
uint64_t qemu_plugin_tb_vaddr(const void *block);
size_t qemu_plugin_insn_size(const void *instruction);
#if EMULATOR_VERSION >= 10
size_t qemu_plugin_insn_data(const void *instruction, void *to, size_t bytes);
#define INTERFACE_VERSION 3
#else
const void *qemu_plugin_insn_data(const void *instruction);
#define INTERFACE_VERSION 1
#endif
#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = INTERFACE_VERSION;

/* slti zero, zero, N */
#define WITHOUT_EFFECT(n) (UINT32_C(0x2013) | UINT32_C(n) << 20)
#define STRETCHES_MAX 65536

/* What one hart executed without a break, waiting for the lock or not. */
struct stretch {
    uint64_t begin; /* by the shared counter */
    unsigned hart;
    bool waits, comes_to_wait;
};

static struct stretch stretches[STRETCHES_MAX]; /* a ring: the last are remembered */
static uint64_t stretch_count, counter;
static uint64_t wait_first, wait_last;
static uint64_t mark, number;
static FILE *out;

static struct stretch *at(uint64_t index)
{
    return &stretches[index % STRETCHES_MAX];
}

/* It has returned to the waiting: what it called meanwhile was a part of that. */
static void was_waiting(unsigned hart)
{
    for (uint64_t i = stretch_count; i-- > 0 && i + STRETCHES_MAX > stretch_count;) {
        if (at(i)->hart == hart && at(i)->waits)
            return;
        if (at(i)->hart == hart)
            at(i)->waits = true;
    }
}

static void begin_stretch(unsigned hart, bool waits, bool comes_to_wait)
{
    *at(stretch_count++) =
        (struct stretch){.begin = counter, .hart = hart, .waits = waits, .comes_to_wait = comes_to_wait};
}

/* A block that waits for the lock; `data` is its length. */
static void executes_waiting(unsigned hart, void *data)
{
    const struct stretch *last = at(stretch_count - 1), *before = at(stretch_count - 2);

    if (last->hart == hart && !last->waits && before->hart == hart && before->waits) {
        stretch_count--; /* it has only called something */
    } else if (last->hart != hart || !last->waits) {
        was_waiting(hart);
        begin_stretch(hart, true, false);
    }
    counter += (uintptr_t)data;
}

static void comes_to_wait(unsigned hart, void *data)
{
    begin_stretch(hart, true, true);
    counter += (uintptr_t)data;
}

static void executes(unsigned hart, void *data)
{
    if (stretch_count == 0 || at(stretch_count - 1)->hart != hart || at(stretch_count - 1)->waits)
        begin_stretch(hart, false, false);
    counter += (uintptr_t)data;
}

static void marks(unsigned hart, void *data)
{
    (void)hart, (void)data;
    mark = counter;
}

/* Writes what the hart did from so many instructions before the mark up to it. */
static void tell(unsigned hart, void *data)
{
    const uint64_t begin = mark - number;
    uint64_t end = counter, own = 0, waits = 0;

    (void)data;
    for (uint64_t i = stretch_count; i-- > 0 && end > begin; end = at(i)->begin) {
        const struct stretch *stretch = at(i);
        const uint64_t from = stretch->begin > begin ? stretch->begin : begin, to = end < mark ? end : mark;

        if (i + STRETCHES_MAX == stretch_count) {
            fprintf(stderr, "turns: too many turns in one stretch\n");
            abort();
        }
        if (stretch->hart != hart || from >= to)
            continue;
        own += stretch->waits ? 0 : to - from;
        waits += stretch->comes_to_wait;
    }
    fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", own, waits, number);
}

static void gives_bit(unsigned hart, void *data)
{
    (void)hart;
    number = number << 1 | (uintptr_t)data;
}

/* 0 for a short instruction. */
static uint32_t word_of(const void *instruction)
{
    uint32_t word = 0;

    if (qemu_plugin_insn_size(instruction) != sizeof(word))
        return 0;
#if EMULATOR_VERSION >= 10
    qemu_plugin_insn_data(instruction, &word, sizeof(word));
#else
    memcpy(&word, qemu_plugin_insn_data(instruction), sizeof(word));
#endif
    return word;
}

static void watch(void *instruction)
{
    static const struct {
        uint32_t word;
        on_execution call;
        uintptr_t data;
    } watched[] = {
        {WITHOUT_EFFECT(0x701), marks, 0},
        {WITHOUT_EFFECT(0x702), gives_bit, 0},
        {WITHOUT_EFFECT(0x703), gives_bit, 1},
        {WITHOUT_EFFECT(0x704), tell, 0},
    };
    const uint32_t word = word_of(instruction);

    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        if (watched[i].word == word)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, watched[i].call, 0, (void *)watched[i].data);
    }
}

static void translates(uint64_t plugin, void *block)
{
    const uint64_t address = qemu_plugin_tb_vaddr(block);
    const size_t length = qemu_plugin_tb_n_insns(block);
    const bool waits = address >= wait_first && address <= wait_last;

    (void)plugin;
    qemu_plugin_register_vcpu_tb_exec_cb(block,
                                         address == wait_first ? comes_to_wait
                                         : waits               ? executes_waiting
                                                               : executes,
                                         0,
                                         (void *)(uintptr_t)length); // NOLINT: the interface has a pointer for any word
    for (size_t i = 0; i < length; i++)
        watch(qemu_plugin_tb_get_insn(block, i));
}

static void ends(uint64_t plugin, void *data)
{
    (void)plugin, (void)data;
    fclose(out);
}

EXPORTED int qemu_plugin_install(uint64_t plugin, const void *machine, int argc, char **argv);

int qemu_plugin_install(uint64_t plugin, const void *machine, int argc, char **argv)
{
    (void)machine;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
        else if (sscanf(argv[i], "wait=%" SCNx64 ":%" SCNx64, &wait_first, &wait_last) != 2)
            return 1;
    }
    if (out == NULL)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, translates);
    qemu_plugin_register_atexit_cb(plugin, ends, NULL);
    return 0;
}
