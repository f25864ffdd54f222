# SPDX-License-Identifier: MIT
"""The front door's words: what is wrong is said, with the nearest right word, before anything is built."""
import io
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import archive
import emulator
import run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def winkle(*words, script=ROOT / "winkle", **environment):
    done = subprocess.run([script, *words], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


class FrontDoor(unittest.TestCase):
    def refused(self, *words, nearest, **options):
        status, output, message = winkle(*words, **options)
        self.assertEqual((status, output), (2, ""))
        self.assertIn(nearest, message)
        self.assertEqual(message.count("\n"), 1)

    def test_help(self):
        for words in ("help",), ("--help",), ("-h",), ("--version",), ("run", "--help"), ("test", "-h"):
            status, output, message = winkle(*words)
            self.assertEqual((status, message), (0, ""))
            self.assertIn("usage: ./winkle COMMAND", output)

    def test_unknown_words(self):
        self.refused("rum", nearest="'run'")
        self.refused("benhc", nearest="'bench'")
        self.refused("run", "--hart", "2", nearest="'--harts'")
        self.refused("run", "hello", nearest="after '--'")
        self.refused("run", "--build", "relase", nearest="'release'")
        self.refused("run", "--harts", "0", nearest="1 to 64")
        self.refused("run", "--memory", "128", nearest="such as 128M")
        self.refused("run", "--memory", "7M", nearest="the least memory of the machine virt is 8M")
        self.refused("run", "--machine", "sifive", nearest="'sifive_u'")
        self.refused("run", "--machine", "sifive_u", "--harts", "5", nearest="at most 4 harts")
        self.refused("run", "--tim", "64", nearest="such as 64K")
        self.refused("run", "--kernel-tim", "off", nearest="such as 20K")
        self.refused("run", "--root", "nowhere", nearest="no folder or tar file 'nowhere'")
        self.refused("bench", "--jsn", nearest="'--json'")
        self.refused("bench", "nul-invocation", nearest="'null-invocation'")
        self.refused("image", "relase", nearest="'release'")
        self.refused("image", "release", "debug", nearest="'debug' is one too many")
        self.refused("doc", "manual", nearest="'manual' is one too many")
        self.refused("gdb", "debug", "hello", nearest="'hello' is one too many")
        self.refused("test", "untt", nearest="'unit'")

    def test_words_that_cannot_be_passed(self):
        self.refused("run", "--", nearest="after '--'")
        self.refused("run", "--", "echo", *"x" * 32, nearest="33 words")
        self.refused("run", "--", "echo", "x" * 1010, nearest="at most 1014")

    def test_words_that_can_be_passed(self):
        self.assertEqual(len(emulator.command_line(["echo", "x" * 1009])), 1023)
        self.assertEqual(emulator.command_line(["x"] * 32), "quiet --" + " x" * 32)
        self.assertEqual(emulator.command_line(["two words", "", "100%\n"]), "quiet -- two%20words %00 100%25%0a")

    def test_who_waits_for_the_first_build_is_told(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch("emulator.ROOT", pathlib.Path(folder)), \
                unittest.mock.patch("emulator.make"), unittest.mock.patch("sys.stderr", io.StringIO()) as said:
            emulator.build("debug")
            self.assertIn("building debug, which takes a minute", said.getvalue())
            (emulator.ROOT / "build/debug").mkdir(parents=True)
            (emulator.ROOT / "build/debug/winkle.img").touch()
            emulator.build("debug", "linux-image")
            self.assertIn("fetching Debian's packages", said.getvalue())
            (emulator.ROOT / "build/root.stamp").touch()
            said.truncate(0)
            emulator.build("debug")
            emulator.build("debug", "linux-image")
            self.assertEqual(said.getvalue(), "")

    def test_nearest_program(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(archive.archive({"bin/hello": b"", "bin/tree": b"", "boot.manifest": b""}))
            file.flush()
            machine = unittest.mock.Mock(archive=lambda: file.name)
            self.assertEqual(run.nearest(machine, "helo"), "the nearest program is 'hello'")
            self.assertIsNone(run.nearest(machine, "hello"))

    def test_limits_are_those_of_init_and_kernel(self):
        for name, file, value in (("COMMAND_WORDS_MAX", "programs/init/init.h", emulator.COMMAND_WORDS_MAX),
                                  ("BOOT_COMMAND_LINE_BYTES", "kernel/boot.h", emulator.COMMAND_LINE_BYTES)):
            self.assertEqual(re.search(rf"#define {name} (\d+)", (ROOT / file).read_text())[1], str(value))

    def test_words_come_before_packages(self):
        with tempfile.TemporaryDirectory() as folder:
            for tool in ("dirname", "python3"):
                os.symlink(shutil.which(tool), f"{folder}/{tool}")
            self.refused("test", "untt", nearest="'unit'", PATH=folder)
            self.refused("run", "--hart", "2", nearest="'--harts'", PATH=folder)
            self.refused("bench", "bot", nearest="'boot'", PATH=folder)

    def test_path_with_blanks(self):
        with tempfile.TemporaryDirectory(prefix="a b") as folder:
            os.symlink(ROOT / "winkle", f"{folder}/winkle")
            self.refused("image", nearest="blanks in its path", script=f"{folder}/winkle")


if __name__ == "__main__":
    unittest.main()
