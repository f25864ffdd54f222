/* SPDX-License-Identifier: MIT */
/* A terminal's attributes as Linux has them for RISC-V (`struct termios` of its system calls), by the names of POSIX. */
#ifndef TERMIOS_H
#define TERMIOS_H

#include <stdint.h>

#define TTY_CHARACTERS 19

struct tty_attributes {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[TTY_CHARACTERS];
};

enum tty_input_flag {
    TTY_PARMRK = 0x8,
    TTY_ISTRIP = 0x20,
    TTY_INLCR = 0x40,
    TTY_IGNCR = 0x80,
    TTY_ICRNL = 0x100,
    TTY_IUCLC = 0x200,
    TTY_IXON = 0x400,
    TTY_IXANY = 0x800,
    TTY_IUTF8 = 0x4000
};

enum tty_output_flag {
    TTY_OPOST = 0x1,
    TTY_OLCUC = 0x2,
    TTY_ONLCR = 0x4,
    TTY_OCRNL = 0x8,
    TTY_ONOCR = 0x10,
    TTY_ONLRET = 0x20,
    TTY_TABDLY = 0x1800,
    TTY_XTABS = 0x1800
};

enum tty_control_flag { TTY_B38400 = 0xf, TTY_CS8 = 0x30, TTY_CREAD = 0x80, TTY_HUPCL = 0x400 };

enum tty_local_flag {
    TTY_ISIG = 0x1,
    TTY_ICANON = 0x2,
    TTY_ECHO = 0x8,
    TTY_ECHOE = 0x10,
    TTY_ECHOK = 0x20,
    TTY_ECHONL = 0x40,
    TTY_NOFLSH = 0x80,
    TTY_TOSTOP = 0x100,
    TTY_ECHOCTL = 0x200,
    TTY_ECHOPRT = 0x400,
    TTY_ECHOKE = 0x800,
    TTY_IEXTEN = 0x8000,
    TTY_EXTPROC = 0x10000
};

enum tty_character {
    TTY_VINTR,
    TTY_VQUIT,
    TTY_VERASE,
    TTY_VKILL,
    TTY_VEOF,
    TTY_VTIME,
    TTY_VMIN,
    TTY_VSTART = 8,
    TTY_VSTOP,
    TTY_VSUSP,
    TTY_VEOL,
    TTY_VREPRINT,
    TTY_VWERASE = 14,
    TTY_VLNEXT,
    TTY_VEOL2
};

enum tty_signal {
    TTY_SIGHUP = 1,
    TTY_SIGINT = 2,
    TTY_SIGQUIT = 3,
    TTY_SIGCONT = 18,
    TTY_SIGTSTP = 20,
    TTY_SIGWINCH = 28
};

#endif
