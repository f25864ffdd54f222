#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The chapters of the book that tell an example show the code that is built: each piece stands in it as it is."""

import re
import textwrap
import unittest
from pathlib import Path

import linux_calls

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = {
    "docs/services.md": ["programs/notes/*.[ch]", "interfaces/notes.interface"],
    "docs/channels.md": ["tests/system/example_channels.c"],
    "docs/mailboxes.md": ["tests/system/example_mailboxes.c"],
    "docs/rings.md": ["tests/system/example_rings.c"],
}


FENCED = re.compile(r"^```c\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"(?:^    .*\n)+", re.M)


def pieces(text):
    """The blocks of code, but for lines to type."""
    fenced = FENCED.findall(text)
    indented = [textwrap.dedent(piece) for piece in INDENTED.findall(FENCED.sub("", text))]
    return fenced + [piece for piece in indented if not piece.startswith("./winkle ")]


class Generated(unittest.TestCase):
    def test_the_page_of_linux_calls_is_current(self):
        calls = linux_calls.read(ROOT / "personality/linux/calls.list")
        coverage = linux_calls.read_coverage(ROOT / "tests/linux/coverage.txt")
        self.assertEqual((ROOT / "docs/linux-calls.md").read_text(), linux_calls.page(calls, coverage),
                         "make linux-calls writes it")
        self.assertEqual(set(coverage) - {call.name for call in calls}, set(), "calls that are not served")
        programs = {program for names in coverage.values() for program in names}
        self.assertEqual(programs - {file.stem for file in (ROOT / "tests/linux").glob("*.c")}, set(), "programs that are gone")


class Installing(unittest.TestCase):
    def test_the_table_has_the_packages_that_are_installed(self):
        script = (ROOT / "tools/dependencies.sh").read_text()
        values = re.findall(r"\b(emulator|clang_version)=(\S+)", script)
        needed = set()
        for package in re.findall(r"^\t\tneed \"?([^\s\"]+)", script, re.M):
            variants = {package.replace(f"${name}", value) for name, value in values if f"${name}" in package}
            needed |= variants or {package}
        table = (ROOT / "INSTALL.md").read_text().partition("| for | packages |")[2].partition("\n\n")[0]
        told = {word for row in table.splitlines() for word in re.findall(r"[a-z][a-z0-9+-]+", row.rpartition(" | ")[2])}
        self.assertEqual(needed - told, set(), "INSTALL.md does not name them")
        self.assertEqual({word for word in told if "-" in word} - needed, set(), "no set of tools/dependencies.sh has them")


class Examples(unittest.TestCase):
    def test_each_piece_of_code_is_built(self):
        for chapter, sources in EXAMPLES.items():
            text = "\n".join(file.read_text() for pattern in sources for file in sorted(ROOT.glob(pattern)))
            found = pieces((ROOT / chapter).read_text())
            self.assertGreater(len(found), 1)
            for piece in found:
                with self.subTest(chapter=chapter, piece=piece):
                    self.assertTrue(piece in text, "is in none of its sources")


if __name__ == "__main__":
    unittest.main()
