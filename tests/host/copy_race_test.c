/* SPDX-License-Identifier: MIT */
/* Copies of bytes, while others clone, release and destroy what is copied. */
#include "harness_parts.h"
#include "programs.h"

#define PAGES 40
#define PAGE WK_PAGE_BYTES
#define OLD 1000
#define NEW 2000

/* The memory that the program names so. */
static struct memory *memory_there(wk_handle handle)
{
    return container_of(capability_find(&program.process_record->table, handle)->object, struct memory, object);
}

static uint64_t *first_word(const struct memory *memory, uint64_t page)
{
    return frame_pointer(memory_page(memory, page));
}

/* Memory whose pages begin with the numbers from `first` on. */
static wk_handle make_numbered(uint64_t first)
{
    const wk_handle memory = make_memory(BOOT_BANK, PAGES, 0);

    for (unsigned page = 0; page < PAGES; page++)
        *first_word(memory_of(memory), page) = first + page;
    return memory;
}

static void assert_numbered(const struct memory *memory, uint64_t first)
{
    for (unsigned page = 0; page < PAGES; page++)
        assert_int_equal(*first_word(memory, page), first + page);
}

/* ---- clones ---- */

/* The program begins to clone; at that point of it, the first thread copies. Both come to their ends. Returns the clone,
 * NULL if it was done before. */
static const struct memory *copy_amid_clone(wk_handle cloned, wk_handle to, wk_handle from, unsigned points)
{
    const wk_handle there = program_grant(&program, cloned, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle bank = program_grant(&program, program.bank, WK_TRANSFER_LEND, ALL_RIGHTS);

    invoke_partly(program.thread_record, WK_MEMORY_CLONE, there, (uint64_t[6]){bank}, points, boot);
    act_as(boot);
    if (program.thread_record->operation.step == NULL)
        return NULL;
    assert_ok(wk_memory_copy(to, 0, from, 0, PAGES * PAGE));
    assert_int_equal(finish_operation(program.thread_record), WK_OK);
    return memory_there(answer_words[0]);
}

/* Copies new numbers over old ones at each point of a clone; the memory is cloned that begins with the numbers `cloned`. The
 * clone has them all: it has its memory for itself while it is made, and the copy waits. */
static void copy_at_each_point_of_cloning(uint64_t cloned)
{
    const struct memory *clone;
    unsigned points = 1;

    do {
        const wk_handle from = make_numbered(NEW);
        const wk_handle to = make_numbered(OLD);

        clone = copy_amid_clone(cloned == NEW ? from : to, to, from, points++);
        if (clone != NULL) {
            assert_numbered(clone, cloned);
            assert_numbered(memory_of(to), NEW);
        }
        assert_ok(wk_capability_delete(from));
        assert_ok(wk_capability_delete(to));
    } while (clone != NULL);
    assert_true(points > 10);
}

static void a_copy_from_memory_that_is_being_cloned(void **state)
{
    (void)state;
    copy_at_each_point_of_cloning(NEW);
}

static void a_copy_to_memory_that_is_being_cloned(void **state)
{
    (void)state;
    copy_at_each_point_of_cloning(OLD);
}

static void a_clone_made_amid_a_copy_keeps_what_it_was_made_of(void **state)
{
    unsigned points;

    (void)state;
    for (points = 1;; points++) {
        const wk_handle to = make_numbered(OLD);
        const wk_handle there = program_grant(&program, to, WK_TRANSFER_DUP, ALL_RIGHTS);
        const wk_handle from = program_grant(&program, make_numbered(NEW), WK_TRANSFER_GIVE, ALL_RIGHTS);
        uint64_t words[PAGES];
        wk_handle clone;

        invoke_partly(program.thread_record, WK_MEMORY_COPY, there, (uint64_t[6]){0, from, 0, PAGES * PAGE}, points,
                      boot);
        act_as(boot);
        if (program.thread_record->operation.step == NULL)
            break;
        assert_ok(wk_memory_clone(to, BOOT_BANK, &clone));
        for (unsigned page = 0; page < PAGES; page++)
            words[page] = *first_word(memory_of(clone), page);
        assert_int_equal(finish_operation(program.thread_record), WK_OK);
        for (unsigned page = 0; page < PAGES; page++)
            assert_int_equal(*first_word(memory_of(clone), page), words[page]);
        assert_numbered(memory_of(to), NEW);
        assert_ok(wk_capability_delete(clone));
    }
    assert_true(points > 10);
}

/* ---- pins ---- */

/* Has the program begin a copy of bytes one by one within a page, or from one memory's page to another's, and leaves it
 * in the middle. */
static void begin_slow_copy(struct thread *thread, wk_handle to, wk_handle from)
{
    begin_operation(thread, WK_MEMORY_COPY, to, (uint64_t[6]){1, from, 2048, 1024}, 3);
}

/* Else so many who are interrupted would be more pins than a frame can count. */
static void who_is_interrupted_in_a_copy_leaves_no_page_pinned(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    struct thread *threads[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        threads[i] = spawn(10, NULL);
        begin_slow_copy(threads[i], memory, memory);
        assert_int_equal(memory_page(memory_of(memory), 0)->references, 1);
    }
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(finish_operation(threads[i]), WK_OK);
}

/* The page that the less urgent program copies from is charged to the bank alone by now. */
static void a_bank_is_destroyed_while_a_copy_of_its_page_is_interrupted(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 100);
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    const wk_handle from = program_grant(&program, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle to = program_grant(&program, make_memory(BOOT_BANK, 1, 0), WK_TRANSFER_GIVE, ALL_RIGHTS);
    const uint64_t identity = identity_of(bank);
    wk_handle clone;

    (void)state;
    assert_ok(wk_memory_clone(memory, bank, &clone));
    begin_slow_copy(program.thread_record, to, from);
    assert_ok(wk_memory_decommit(memory, 0, 1));
    assert_ok(wk_bank_destroy(bank));
    assert_false(object_exists(identity));
    assert_int_equal(finish_operation(program.thread_record), WK_OK);
}

/* ---- two harts ---- */

static wk_handle cloned_there;
static wk_handle bank_there;

/* While the first hart is about to copy bytes, without the lock, the program on the other has all the time to clone. */
static void clone_meanwhile(void)
{
    struct arch_hart *processor = &program.thread_record->hart->arch;

    if (host_hart != boot->hart || boot->operation.pinned[0] == NULL)
        return;
    host_preemption_hook = NULL;
    processor->x[10] = cloned_there;
    processor->x[11] = bank_there;
    processor->x[17] = WK_MEMORY_CLONE;
    processor->trap = HOST_TRAP_ECALL;
    processor->state = HOST_STATE_KERNEL;
    for (unsigned i = 0; i < 200; i++)
        host_interleave();
}

/* A clone that shared the page now would change after it was made. */
static void a_page_that_bytes_are_copied_to_is_not_shared_meanwhile(void **state)
{
    const struct host_machine machine = {.harts = 2};
    wk_handle to, from;

    (void)state;
    machine_start(&machine);
    boot = actor();
    program = program_make(500, 10);
    assert_ptr_not_equal(program.thread_record->hart, boot->hart);
    to = make_numbered(OLD);
    from = make_numbered(NEW);
    cloned_there = program_grant(&program, to, WK_TRANSFER_DUP, ALL_RIGHTS);
    bank_there = program_grant(&program, program.bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    make_current(program.thread_record);
    answer_owe(program.thread_record, WK_MEMORY_CLONE);
    host_preemption_hook = clone_meanwhile;
    assert_ok(wk_memory_copy(to, 0, from, 0, PAGES * PAGE));
    assert_null(host_preemption_hook);
    assert_int_equal(finish_operation(program.thread_record), WK_BUSY);
    assert_numbered(memory_of(to), NEW);
    assert_int_equal(frame_sharers(memory_page(memory_of(to), 0)), 1);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        program_test(a_copy_from_memory_that_is_being_cloned),
        program_test(a_copy_to_memory_that_is_being_cloned),
        program_test(a_clone_made_amid_a_copy_keeps_what_it_was_made_of),
        program_test(who_is_interrupted_in_a_copy_leaves_no_page_pinned),
        program_test(a_bank_is_destroyed_while_a_copy_of_its_page_is_interrupted),
        cmocka_unit_test(a_page_that_bytes_are_copied_to_is_not_shared_meanwhile),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
