# SPDX-License-Identifier: MIT
"""Rings are to work in memory that has no atomic operations: the compiler is to make none of what is written for them."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = """
#include <winkle/rings.h>
bool send(struct wk_ring_producer *producer, const struct wk_ring_message *messages);
bool send(struct wk_ring_producer *producer, const struct wk_ring_message *messages)
{
    if (wk_ring_look_for_room(producer) != WK_OK && wk_ring_producer_sleeps(producer) != WK_OK)
        return false;
    wk_ring_fill(producer, messages, 1);
    wk_ring_publish(producer, 1);
    return wk_ring_must_wake_consumer(producer);
}
bool receive(struct wk_ring_consumer *consumer, struct wk_ring_message *messages);
bool receive(struct wk_ring_consumer *consumer, struct wk_ring_message *messages)
{
    if (wk_ring_look_for_messages(consumer) != WK_OK && wk_ring_consumer_sleeps(consumer) != WK_OK)
        return false;
    wk_ring_take(consumer, messages, 1);
    wk_ring_give_back(consumer, 1);
    return wk_ring_must_wake_producer(consumer);
}
"""


class Rings(unittest.TestCase):
    def assembly(self, *compiler):
        subprocess.run(["make", "-s", "build/generated/interfaces.stamp"], cwd=ROOT, check=True)
        return subprocess.run([*compiler, "-march=rv64gc", "-mabi=lp64d", "-O2", "-ffreestanding", "-Ilib", "-Iinterfaces",
                               "-Ibuild/generated/include", "-S", "-x", "c", "-", "-o", "-"], cwd=ROOT, input=CODE,
                              capture_output=True, text=True, check=True).stdout

    def check(self, assembly):
        self.assertEqual(re.findall(r"^\s+(?:amo|lr\.|sc\.)\S+", assembly, re.MULTILINE), [])
        # Two fences that release, two full ones for looks at sleep, two more before going to sleep, four that acquire.
        self.assertGreaterEqual(len(re.findall(r"^\s+fence\b", assembly, re.MULTILINE)), 10)

    def test_gcc_makes_loads_stores_and_fences_only(self):
        self.check(self.assembly("riscv64-linux-gnu-gcc"))

    def test_clang_makes_loads_stores_and_fences_only(self):
        self.check(self.assembly("clang", "--target=riscv64-unknown-elf"))


if __name__ == "__main__":
    unittest.main()
