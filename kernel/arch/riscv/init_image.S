/* SPDX-License-Identifier: MIT */
/* The first program, as the build made it. */
    .section .init_image, "a"
    .balign 4096
    .globl  init_image
init_image:
    .incbin INIT_IMAGE
    .globl  init_image_end
init_image_end:
