# SPDX-License-Identifier: MIT
"""The console protocol: the same result however the bytes are cut into pieces."""
import unittest

import console

NOISE = b"firmware 1.1\r\nkernel: 1 hart\r\n"
BEGIN = b"\x01winkle:begin\r\n"


class Symbols:
    def suffix(self, line):
        return b" main (main.c:3)" if line.startswith(b"  at 0x") else b""


def feed(data, size):
    output = []
    view = console.CommandConsole(output.append)
    for at in range(0, len(data), size):
        view.feed(data[at:at + size])
    view.finish()
    return view, b"".join(output)


class CommandConsole(unittest.TestCase):
    def check(self, data, output, status=None, crash=None, panic=None):
        for size in (1, 2, 3, 7, 1000):
            with self.subTest(size=size):
                view, text = feed(data, size)
                self.assertEqual(text, output)
                self.assertEqual((view.status, view.crash, view.panic), (status, crash, panic))

    def test_output_and_status(self):
        self.check(NOISE + BEGIN + b"one\r\ntwo\r\n\x01winkle:exit 7\r\nnoise", b"one\ntwo\n", status=7)

    def test_exit_in_the_middle_of_a_line(self):
        self.check(BEGIN + b"no newline\x01winkle:exit 0\r\n", b"no newline", status=0)

    def test_no_output(self):
        self.check(BEGIN + b"\x01winkle:exit 255\r\n", b"", status=255)

    def test_carriage_returns_of_the_program_stay(self):
        self.check(BEGIN + b"a\rb\r\r\nc\x01winkle:exit 0\r\n", b"a\rb\r\nc", status=0)

    def test_what_only_looks_like_a_marker_is_output(self):
        self.check(BEGIN + b"\x01winkle:exi\x01\x01winkle:exit 0\r\n", b"\x01winkle:exi\x01", status=0)

    def test_crash(self):
        self.check(BEGIN + b"x\x01winkle:crash load fault at 0x0\r\n", b"x", crash="load fault at 0x0")

    def test_longest_operations(self):
        data = BEGIN + b"x\x01winkle:longest 4096 300\r\n\x01winkle:longest 4097 12\r\n\x01winkle:exit 0\r\n"
        self.check(data, b"x", status=0)
        for size in (1, 3, 1000):
            self.assertEqual(feed(data, size)[0].longest, {4096: 300, 4097: 12})

    def test_an_exit_without_a_status_is_a_crash(self):
        self.check(BEGIN + b"\x01winkle:exit 256\r\n", b"", crash="256")

    def test_panic_of_the_kernel(self):
        self.check(BEGIN + b"x\r\npanic: lost\r\n  at 0x10\r\n", b"x\n", panic=b"panic: lost\n  at 0x10\n")

    def test_panic_before_the_program(self):
        self.check(NOISE + b"panic: lost\r\n", b"", panic=b"panic: lost\n")

    def test_a_program_may_write_of_panic(self):
        self.check(BEGIN + b"panic: not really\r\nok\r\n\x01winkle:exit 0\r\n", b"panic: not really\nok\n", status=0)

    def test_panic_inside_a_line_is_output(self):
        self.check(BEGIN + b"no panic: here\r\n", b"no panic: here\n")

    def test_silence(self):
        self.check(NOISE, b"")

    def test_output_is_passed_on_at_once(self):
        output = []
        view = console.CommandConsole(output.append)
        view.feed(BEGIN + b"prompt> ")
        self.assertEqual(b"".join(output), b"prompt> ")


if __name__ == "__main__":
    unittest.main()
