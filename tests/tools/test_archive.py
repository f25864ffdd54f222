# SPDX-License-Identifier: MIT
"""The boot archive is cpio's "newc", sorted, and the same for the same files."""
import unittest

import archive


class Archive(unittest.TestCase):
    def test_layout(self):
        data = archive.archive({"ab": b"12345", "a": b""})
        self.assertTrue(data.startswith(b"070701" + b"00000001" + b"0000816d"))
        names = [data.index(name) for name in (b"a\0", b"ab\0", b"TRAILER!!!\0")]
        self.assertEqual(names, sorted(names))
        self.assertIn(b"ab\0\0\0\0" + b"12345\0\0\0" + b"070701", data)
        self.assertEqual(len(data) % 4, 0)

    def test_the_order_of_files_does_not_matter(self):
        self.assertEqual(archive.archive({"a": b"1", "b": b"2"}), archive.archive({"b": b"2", "a": b"1"}))

    def test_names(self):
        files = {"a": b"1", "bin/hello": b"12345", "bcd": b""}
        self.assertEqual(archive.names(archive.archive(files)), sorted(files))
        self.assertEqual(archive.names(archive.archive({})), [])


if __name__ == "__main__":
    unittest.main()
