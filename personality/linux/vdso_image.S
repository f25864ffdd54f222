/* SPDX-License-Identifier: MIT */
/* The shared object that the folder vdso becomes. */
    .section .rodata.vdso_image, "a"
    .globl vdso_image, vdso_image_end
    .balign 8
vdso_image:
    .incbin "vdso.so"
vdso_image_end:
