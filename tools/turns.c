/* SPDX-License-Identifier: MIT */
/*
 * A plugin of the emulator: which of its harts executed how much. Harts that are emulated in turns share one counter of
 * instructions, so what a program measures with it has the others' turns in it. This takes them out again.
 *
 * The program marks an instant. Then it says how many instructions of the shared counter ago a stretch had begun that
 * ended at that instant, bit by bit. All that is by instructions without effect (programs/bench/stamps.S). For each
 * stretch a line is written: instructions that the marking hart executed in it, those that it waited for, how often it
 * had to wait for the kernel's lock, instructions of all harts.
 *
 * What it executes while it waits is left out: it is as long as the turn of another. What it waited for is what those
 * before it in the lock's queue executed meanwhile as its holders: the first from then on, each up to its release. What
 * they execute after that in their turns is left out, and their own waiting. So a wait is as long as if each hart had a
 * processor. But who waits behind whom is the emulator's choice; where harts run at once, it is another. Here queues are
 * rather long: a hart whose turn ends while it holds the lock finds all others waiting. Seeing that the lock is released,
 * less than a turn of the waiting loop, counts for nothing.
 *
 * usage: -plugin turns.so,out=FILE,lock=ADDRESS,wait=FIRST:LAST   of the lock, and of the function that waits for it
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
typedef void (*on_access)(unsigned hart, uint32_t kind, uint64_t address, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t plugin, on_translation call);
void qemu_plugin_register_vcpu_tb_exec_cb(void *block, on_execution call, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(void *instruction, on_execution call, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(void *instruction, on_access call, int flags, int accesses, void *data);
#define STORES 2
bool qemu_plugin_mem_is_store(uint32_t kind);
void qemu_plugin_register_atexit_cb(uint64_t plugin, void (*call)(uint64_t plugin, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const void *block);
void *qemu_plugin_tb_get_insn(const void *block, size_t index);
uint64_t qemu_plugin_tb_vaddr(const void *block);
size_t qemu_plugin_insn_size(const void *instruction);
#if EMULATOR_VERSION >= 10
size_t qemu_plugin_insn_data(const void *instruction, void *to, size_t bytes);
/* Of GLib, which the emulator brings. */
typedef struct {
    char *data;
    unsigned length;
} array;
typedef struct {
    void *handle;
    const char *name, *feature;
} register_descriptor;
array *qemu_plugin_get_registers(void);
int qemu_plugin_read_register(void *handle, array *to);
void qemu_plugin_register_vcpu_init_cb(uint64_t plugin, void (*call)(uint64_t plugin, unsigned hart));
array *g_byte_array_new(void);
array *g_byte_array_set_size(array *bytes, unsigned length);
#define READS_REGISTERS 1
#define INTERFACE_VERSION 3
#else
const void *qemu_plugin_insn_data(const void *instruction);
#define READS_REGISTERS 0
#define INTERFACE_VERSION 1
#endif
#define EXPORTED __attribute__((visibility("default")))

EXPORTED int qemu_plugin_version = INTERFACE_VERSION;

/* slti zero, zero, N */
#define WITHOUT_EFFECT(n) (UINT32_C(0x2013) | UINT32_C(n) << 20)
/* amoadd.w, whatever its registers and ordering */
#define AMOADD_W UINT32_C(0x202f)
#define AMOADD_W_MASK UINT32_C(0xf800707f)
/* The lock is two words: the ticket that is given out next, and the one whose turn it is. */
#define NEXT 0
#define SERVING 4

#define HARTS_MAX 64
#define TURNS_MAX 65536
#define HOLDS_MAX 262144

/* What one hart executed without a break. */
struct turn {
    uint64_t begin; /* by the shared counter */
    unsigned hart;
};

/* A ticket of the lock. `begin` is when its hart left the function that waits, or `came` if it had not to wait. */
struct hold {
    uint64_t came, begin, end;
    unsigned hart;
};

/* Rings: the last are remembered. */
static struct turn turns[TURNS_MAX];
static struct hold holds[HOLDS_MAX];
static uint64_t turn_count, next, serving, counter;
static uint64_t last_ticket[HARTS_MAX];
static uint64_t lock, wait_first, wait_last;
static uint64_t mark, number;
static FILE *out;

static void fail(const char *why)
{
    fprintf(stderr, "turns: %s\n", why);
    abort();
}

static struct turn *turn_at(uint64_t index)
{
    if (index + TURNS_MAX < turn_count)
        fail("too many turns in one stretch");
    return &turns[index % TURNS_MAX];
}

static struct hold *hold_at(uint64_t ticket)
{
    if (ticket + HOLDS_MAX < next)
        fail("the lock was taken too often in one stretch");
    return &holds[ticket % HOLDS_MAX];
}

/* The hart that executes. Of harts in turns, version 10 tells each time the one for which the block was translated. */
#if EMULATOR_VERSION >= 10
static void *hart_register;
static array *hart_bytes;

static void find_register(uint64_t plugin, unsigned hart)
{
    const array *registers = qemu_plugin_get_registers();

    (void)plugin, (void)hart;
    for (unsigned i = 0; i < registers->length; i++) {
        const register_descriptor *one = (const register_descriptor *)(void *)registers->data + i;

        if (strcmp(one->name, "mhartid") == 0)
            hart_register = one->handle;
    }
    if (hart_register == NULL)
        fail("the emulator has no register mhartid");
    hart_bytes = g_byte_array_new();
}

static unsigned executing(unsigned hart)
{
    uint64_t id = 0;

    (void)hart;
    g_byte_array_set_size(hart_bytes, 0);
    if (qemu_plugin_read_register(hart_register, hart_bytes) != sizeof(id))
        fail("the emulator does not tell mhartid");
    memcpy(&id, hart_bytes->data, sizeof(id));
    return (unsigned)id;
}
#else
static unsigned executing(unsigned hart)
{
    return hart;
}
#endif

/* A block begins; `data` is its length. */
static void executes(unsigned hart, void *data)
{
    hart = executing(hart);
    if (turn_count == 0 || turn_at(turn_count - 1)->hart != hart) {
        turn_count++;
        *turn_at(turn_count - 1) = (struct turn){.begin = counter, .hart = hart};
    }
    counter += (uintptr_t)data;
}

static void executes_waiting(unsigned hart, void *data)
{
    executes(hart, data);
    hold_at(last_ticket[executing(hart)])->begin = counter;
}

/* An addition to a word in memory, with so many instructions of its block behind it. */
static void adds(unsigned hart, uint32_t kind, uint64_t address, void *data)
{
    const uint64_t now = counter - (uintptr_t)data;

    if (!qemu_plugin_mem_is_store(kind))
        return; /* version 7 tells of the load all the same */
    hart = executing(hart);
    if (address == lock + NEXT) {
        last_ticket[hart] = next++;
        *hold_at(next - 1) = (struct hold){.came = now, .begin = now, .hart = hart};
    } else if (address == lock + SERVING) {
        if (serving == next || hold_at(serving)->hart != hart)
            fail("a hart releases the lock that does not hold it");
        hold_at(serving++)->end = now;
    }
}

/* `data` is how many instructions of its block are not executed yet. */
static void marks(unsigned hart, void *data)
{
    (void)hart;
    mark = counter - (uintptr_t)data;
}

/* How much a hart executed of what all did in that time. */
static uint64_t executed(unsigned hart, uint64_t from, uint64_t to)
{
    uint64_t sum = 0, end = counter;

    for (uint64_t i = turn_count; i-- > 0 && end > from; end = turn_at(i)->begin) {
        const struct turn *turn = turn_at(i);
        const uint64_t first = turn->begin > from ? turn->begin : from, last = end < to ? end : to;

        if (turn->hart == hart && first < last)
            sum += last - first;
    }
    return sum;
}

/* What was executed of holds that came before the ticket's turn, from then on. */
static uint64_t executed_before(uint64_t ticket, uint64_t from)
{
    uint64_t sum = 0;

    while (ticket-- > 0 && hold_at(ticket)->end > from) {
        const struct hold *hold = hold_at(ticket);

        sum += executed(hold->hart, hold->begin > from ? hold->begin : from, hold->end);
    }
    return sum;
}

/* Writes what the hart did, and waited for, from so many instructions before the mark up to it. */
static void tell(unsigned hart, void *data)
{
    const uint64_t begin = mark - number;
    uint64_t own, waited_for = 0, waits = 0;

    (void)data;
    hart = executing(hart);
    own = executed(hart, begin, mark);
    if (serving == 0)
        fail("the lock was never released");
    for (uint64_t ticket = serving; ticket-- > 0 && hold_at(ticket)->end > begin;) {
        const struct hold *hold = hold_at(ticket);
        const uint64_t from = hold->came > begin ? hold->came : begin;

        if (hold->hart != hart || hold->came >= mark)
            continue;
        own -= executed(hart, from, hold->begin);
        waited_for += executed_before(ticket, from);
        waits += ticket > 0 && hold_at(ticket - 1)->end > from;
    }
    fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", own, waited_for, waits, number);
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

/* An instruction with so many more of its block behind it. */
static void watch(void *instruction, uintptr_t behind)
{
    const struct {
        uint32_t word;
        on_execution call;
        uintptr_t data;
    } watched[] = {
        {WITHOUT_EFFECT(0x701), marks, behind + 1},
        {WITHOUT_EFFECT(0x702), gives_bit, 0},
        {WITHOUT_EFFECT(0x703), gives_bit, 1},
        {WITHOUT_EFFECT(0x704), tell, 0},
    };
    const uint32_t word = word_of(instruction);

    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        if (watched[i].word == word)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, watched[i].call, READS_REGISTERS,
                                                   (void *)watched[i].data);
    }
    if ((word & AMOADD_W_MASK) == AMOADD_W)
        qemu_plugin_register_vcpu_mem_cb(instruction, adds, READS_REGISTERS, STORES, (void *)behind);
}

static void translates(uint64_t plugin, void *block)
{
    const uint64_t address = qemu_plugin_tb_vaddr(block);
    const size_t length = qemu_plugin_tb_n_insns(block);
    const bool waits = address >= wait_first && address <= wait_last;

    (void)plugin;
    qemu_plugin_register_vcpu_tb_exec_cb(block, waits ? executes_waiting : executes, READS_REGISTERS,
                                         (void *)(uintptr_t)length); // NOLINT: the interface has a pointer for any word
    for (size_t i = 0; i < length; i++)
        watch(qemu_plugin_tb_get_insn(block, i), length - i - 1);
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
        else if (sscanf(argv[i], "lock=%" SCNx64, &lock) != 1 &&
                 sscanf(argv[i], "wait=%" SCNx64 ":%" SCNx64, &wait_first, &wait_last) != 2)
            return 1;
    }
    if (out == NULL)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, translates);
    qemu_plugin_register_atexit_cb(plugin, ends, NULL);
#if EMULATOR_VERSION >= 10
    qemu_plugin_register_vcpu_init_cb(plugin, find_register);
#endif
    return 0;
}
