# SPDX-License-Identifier: MIT
"""Harts' structs and stacks may lie in memory that has no atomic operations: the compiler is to make none for them."""
import re
import subprocess
import unittest

import emulator
from emulator import ROOT

# What atomic instructions of the kernel are for, all of it in the kernel's image or in RAM: a source line has one of these.
# In assembly: the lock, whose words have 32 bits (fast_begin takes it); the boot hart's flag; and a reservation that a thread takes along.
ELSEWHERE = ("lock->next", "kernel_lock.serving", "flush_epoch", "hart_starting", "released", "panicking_hart",
             "record_at(buffer", "amoadd.w ", "amoadd.w.rl ", "lr.w.aq ", "amoswap.w.aq ", "sc.d    zero, t0, (t1)", "fast_begin ")


def atomic_lines(kernel):
    """The source lines that atomic instructions of a kernel come from: (place, text)."""
    text = subprocess.run(["riscv64-linux-gnu-objdump", "-d", kernel], capture_output=True, text=True, check=True).stdout
    addresses = re.findall(r"^([0-9a-f]+):\s+[0-9a-f]+\s+(?:amo|lr\.|sc\.)", text, re.MULTILINE)
    places = subprocess.run(["riscv64-linux-gnu-addr2line", "-e", kernel, *addresses], capture_output=True, text=True,
                            check=True).stdout.splitlines()
    for place in places:
        name, number = re.match(r"(?:.*/)?(kernel/\S+):(\d+)", place).groups()
        yield f"{name}:{number}", (ROOT / name).read_text().splitlines()[int(number) - 1].strip()


class HartMemory(unittest.TestCase):
    def test_no_atomic_operation_is_on_a_hart(self):
        emulator.build("release")
        lines = list(atomic_lines(ROOT / "build/release/kernel.elf"))
        self.assertGreater(len(lines), 10)
        self.assertEqual([line for line in lines if not any(word in line[1] for word in ELSEWHERE)], [])


if __name__ == "__main__":
    unittest.main()
