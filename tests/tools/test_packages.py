# SPDX-License-Identifier: MIT
"""What tools/packages.py makes of lists and of this machine's apt entries; and that it keeps nothing that is not pinned."""
import hashlib
import pathlib
import subprocess
import tempfile
import unittest
from unittest import mock

import packages

TEXT = """# A comment.
set small trixie
wanted one two
wanted three
only o.*
folder boot
pinned one 1:2-3 riscv64 aa
pinned other 1 all bb

set large forky
wanted bash
"""
PARAGRAPHS = """# The machine's own.
Types: deb deb-src
# URIs: somewhere else
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By:
 -----BEGIN
 .
 words

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://mirror.example/other
Suites: bookworm
Components: main

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm
Components: main
"""


class Lists(unittest.TestCase):
    def test_sets(self):
        small = packages.read_sets(TEXT)["small"]
        self.assertEqual((small.release, small.wanted, small.only, small.folders),
                         ("trixie", ["one", "two", "three"], "o.*", ["boot"]))
        self.assertEqual(small.pinned, [("one", "1:2-3", "riscv64", "aa"), ("other", "1", "all", "bb")])
        self.assertEqual(packages.read_sets(TEXT)["large"].pinned, [])

    def test_strange_lines(self):
        for line in ("wanted one", "set one", "pinned one 1 riscv64", "set one trixie\nneeded one"):
            with self.assertRaisesRegex(packages.Failure, "no line of a set"):
                packages.read_sets(line)

    def test_pins(self):
        text = packages.with_pins(TEXT, "small", [("four", "4", "riscv64", "cc")])
        self.assertIn("folder boot\npinned four 4 riscv64 cc\n\nset large", text)
        self.assertNotIn("pinned one", text)
        both = packages.with_pins(text, "large", [("bash", "5", "riscv64", "dd")])
        self.assertTrue(both.endswith("wanted bash\npinned bash 5 riscv64 dd\n"))
        self.assertEqual(packages.with_pins(both, "small", [("four", "4", "riscv64", "cc")]), both)

    def test_the_projects_own(self):
        for wanted in packages.read_sets(packages.LIST.read_text()).values():
            self.assertTrue(wanted.pinned)
            self.assertTrue(all(len(checksum) == 64 for *_, checksum in wanted.pinned))


class Entries(unittest.TestCase):
    def test_paragraphs(self):
        self.assertEqual(packages.derive_paragraphs(PARAGRAPHS, "bookworm", "trixie", "deb"),
                         "types: deb\nuris: http://mirror.example/debian\nsuites: trixie\ncomponents: main\n"
                         "signed-by:\n -----BEGIN\n .\n words\n")

    def test_lines(self):
        text = ("# deb http://no.example/debian bookworm main\n"
                "deb [arch=amd64 signed-by=/a/key] http://mirror.example/debian bookworm main contrib # ours\n"
                "deb http://mirror.example/debian bookworm contrib\ndeb-src http://mirror.example/debian bookworm main\n"
                "deb http://mirror.example/second bookworm contrib main\n")
        self.assertEqual(packages.derive_lines(text, "bookworm", "trixie", "deb-src"),
                         "deb-src [signed-by=/a/key] http://mirror.example/debian trixie main\n"
                         "deb-src http://mirror.example/second trixie main\n")


class Fetched:
    """Stands for apt: what it downloads."""
    content = b""

    def __init__(self, work, _release):
        self.work = pathlib.Path(work)
        (self.work / "fetched").mkdir()

    def get(self, _command, name):
        package, version = name.split("=")
        (self.work / f"fetched/{package}_{version.replace(':', '%3a')}_riscv64.deb").write_bytes(self.content)


def a_package(folder):
    """The content of a package with two files."""
    tree = pathlib.Path(folder) / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text("Package: one\nVersion: 1:2-3\nArchitecture: riscv64\nMaintainer: Nobody\n"
                                         "Description: none\n")
    for name in ("boot", "usr"):
        (tree / name).mkdir()
        (tree / name / "file").write_text(name)
    subprocess.run(["dpkg-deb", "-Zxz", "-b", tree, tree.with_suffix(".deb")], check=True, stdout=subprocess.DEVNULL)
    return tree.with_suffix(".deb").read_bytes()


class Fetching(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        Fetched.content = a_package(folder.name)
        self.list = self.folder / "list"
        for name, value in (("TREES", self.folder / "trees"), ("LIST", self.list), ("Apt", Fetched)):
            change = mock.patch.object(packages, name, value)
            change.start()
            self.addCleanup(change.stop)
        self.write_list(hashlib.sha256(Fetched.content).hexdigest())

    def write_list(self, checksum, more=""):
        self.list.write_text(f"set small trixie\nwanted one\n{more}pinned one 1:2-3 riscv64 {checksum}\n")

    def test_all_or_a_folder(self):
        tree = packages.fetch("small")
        self.assertEqual((tree / "usr/file").read_text(), "usr")
        self.write_list(hashlib.sha256(Fetched.content).hexdigest(), "folder boot\n")
        self.assertEqual([path.name for path in packages.fetch("small").iterdir()], ["boot"])

    def test_what_is_there_is_not_fetched_again(self):
        packages.fetch("small")
        (self.folder / "trees/small.stamp").unlink()
        Fetched.content = b"something else"
        self.assertEqual((packages.fetch("small") / "boot/file").read_text(), "boot")

    def test_another_checksum(self):
        self.write_list("00")
        with self.assertRaisesRegex(packages.Failure, "another file than the one that list pins"):
            packages.fetch("small")
        self.assertEqual(list((self.folder / "trees/archives").iterdir()), [])
        self.assertFalse((self.folder / "trees/small").exists())

    def test_no_such_set_and_nothing_pinned(self):
        with self.assertRaisesRegex(packages.Failure, "no set 'smal'; it has small"):
            packages.fetch("smal")
        self.list.write_text("set small trixie\nwanted one\n")
        with self.assertRaisesRegex(packages.Failure, "packages.py pin small"):
            packages.fetch("small")


if __name__ == "__main__":
    unittest.main()
