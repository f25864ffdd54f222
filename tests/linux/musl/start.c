/* SPDX-License-Identifier: MIT */
/* Where a program begins that is linked with musl: instead of its crt1.o, which linkers before 2.41 cannot read. */
int main(int argc, char **argv);
void start_program(long *stack);
__attribute__((noreturn)) void __libc_start_main(int (*program)(int, char **), int argc, char **argv);

__asm__(".globl _start\n"
        "_start:\n"
        ".option push\n"
        ".option norelax\n"
        "    lla gp, __global_pointer$\n"
        ".option pop\n"
        "    mv a0, sp\n"
        "    andi sp, sp, -16\n"
        "    tail start_program\n");

void start_program(long *stack)
{
    __libc_start_main(main, (int)stack[0], (char **)(stack + 1));
}
