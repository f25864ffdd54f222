/* SPDX-License-Identifier: MIT */
/* The boot hart's way from start.S to the first process. */
#include "boot.h"

#include "console.h"
#include "machine/virt.h"
#include "page_table.h"
#include "riscv.h"
#include "sbi.h"
#include "string.h"
#include "tree_nodes.h"

#define ASID_MASK UINT64_C(0xffff)

extern const char init_image[];
extern const char init_image_end[];

uint64_t arch_boot_instructions;
unsigned riscv_asid_bits;

/* Bits that do not exist read as zero (Privileged Architecture 1.12, 4.1.11). */
static void probe_asid(void)
{
    const uint64_t satp = csr_read(satp);
    uint64_t asid;

    csr_write(satp, satp | ASID_MASK << SATP_ASID_SHIFT);
    asid = csr_read(satp) >> SATP_ASID_SHIFT & ASID_MASK;
    csr_write(satp, satp);
    arch_flush_all();
    for (; asid != 0; asid >>= 1)
        riscv_asid_bits++;
}

unsigned arch_asid_bits(void)
{
    return riscv_asid_bits;
}

static size_t letters_of(const char *word)
{
    size_t letters;

    for (letters = 0; word[letters] != ' ' && word[letters] != 0; letters++)
        ;
    return letters;
}

/* What follows `beginning` in the command line's first word that begins so, before ` -- `, behind which the words are the
 * first program's; NULL if there is none. */
static const char *command_line_word(const char *beginning)
{
    const size_t length = strlen(beginning);

    for (const char *at = boot_information.command_line; *at != 0; at++) {
        const size_t letters = letters_of(at);

        if (letters >= length && memcmp(at, beginning, length) == 0)
            return at + length;
        if (letters == 2 && memcmp(at, "--", 2) == 0)
            return NULL;
        at += letters;
        if (*at == 0)
            return NULL;
    }
    return NULL;
}

/* A number of bytes: decimal digits, and K or M. 0 if it is none, or more than anybody can mean. */
static uint64_t bytes_of_word(const char *word)
{
    uint64_t number = 0;

    if (word == NULL)
        return 0;
    for (; *word >= '0' && *word <= '9' && number < UINT32_MAX; word++)
        number = number * 10 + (uint64_t)(*word - '0');
    if ((*word != 'K' && *word != 'M') || letters_of(word) != 1)
        return 0;
    return *word == 'K' ? number << 10 : number << 20;
}

/* How many pages of tightly-integrated memory the kernel may use itself. */
static uint64_t kernel_tim_pages(void)
{
    const char *word = command_line_word("kernel-tim=");
    uint64_t pages;

    if (word == NULL)
        return 0;
    pages = letters_of(word) == 2 && memcmp(word, "on", 2) == 0 ? UINT64_MAX : bytes_of_word(word) / PAGE_BYTES;
    if (pages == 0)
        console_print("kernel-tim: it is on, or a size such as 20K; the kernel uses none\n");
    return pages;
}

static void print_machine(void)
{
    const struct boot_range *ram = &boot_information.ram;

    console_print("Winkle\nharts: %u, boot hart %lu, %s\n", machine.hart_count, machine.hartids[0], machine.isa);
    console_print("memory: %lu KiB at 0x%lx", ram->bytes / 1024, ram->start.address);
    if (tree_memory_elsewhere() != 0)
        console_print(", %lu KiB elsewhere not used", tree_memory_elsewhere() / 1024);
    console_print("\n");
    sbi_print();
}

/* What of RAM is the kernel's, now that boot takes no more. */
static void reserve_image(void)
{
    const struct physical start = image_physical(image_header);

    range_add(boot_information.reserved, &boot_information.reserved_count, BOOT_RANGES_MAX, start.address,
              boot_pages_end().address);
    boot_information.init_image = init_image;
    boot_information.init_image_bytes = (uint64_t)(init_image_end - init_image);
}

_Noreturn void boot_main(uint64_t hartid, struct physical tree, uint64_t image)
{
    page_tables_go_on(image);
    hart_boot_prepare(hartid);
    sbi_init();
    machine_read(tree, hartid);
    console_quiet = command_line_word("quiet") != NULL;
    machine.has_sstc = machine.has_sstc && stimecmp_exists();
    clock_init(boot_information.timebase_hz, machine.has_sstc);
    probe_asid();
    if (!console_quiet)
        print_machine();
    direct_map_finish();
    plic_init();
    if (machine.finisher != 0)
        virt_init(window_map_device(machine.finisher));
    tim_init(bytes_of_word(command_line_word("tim=")), kernel_tim_pages());
    harts_start();
    reserve_image();
    kernel_start();
    harts_release();
    trap_first_leave();
}
