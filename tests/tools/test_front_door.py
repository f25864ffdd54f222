# SPDX-License-Identifier: MIT
"""The front door's words: what is wrong is said, with the nearest right word, before anything is built."""
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def winkle(*words):
    done = subprocess.run([ROOT / "winkle", *words], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class FrontDoor(unittest.TestCase):
    def refused(self, *words, nearest):
        status, output, message = winkle(*words)
        self.assertEqual((status, output), (2, ""))
        self.assertIn(nearest, message)
        self.assertEqual(message.count("\n"), 1)

    def test_help(self):
        status, output, message = winkle("help")
        self.assertEqual((status, message), (0, ""))
        self.assertIn("usage: ./winkle COMMAND", output)

    def test_unknown_words(self):
        self.refused("rum", nearest="'run'")
        self.refused("benhc", nearest="'bench'")
        self.refused("run", "--hart", "2", nearest="'--harts'")
        self.refused("run", "hello", nearest="after '--'")
        self.refused("run", "--build", "relase", nearest="'release'")
        self.refused("run", "--harts", "0", nearest="1 to 64")
        self.refused("bench", "--jsn", nearest="'--json'")
        self.refused("image", "relase", nearest="'release'")
        self.refused("test", "untt", nearest="'unit'")

    def test_words_that_cannot_be_passed(self):
        self.refused("run", "--", nearest="after '--'")
        self.refused("run", "--", "echo", "two words", nearest="'two words'")
        self.refused("run", "--", "echo", "", nearest="''")
        self.refused("run", "--", "echo", "a\nb", nearest="blanks or control characters")


if __name__ == "__main__":
    unittest.main()
