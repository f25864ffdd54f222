# SPDX-License-Identifier: MIT
"""The boot archive is cpio's "newc", sorted, and the same for the same files."""
import os
import pathlib
import tempfile
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

    def test_trees(self):
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            (top / "dir").mkdir(mode=0o751)
            (top / "link").symlink_to("dir/large")
            for name in ("large", "exact"):
                (top / "dir" / name).write_bytes(b"x" * (archive.PAGE_BYTES + (name == "large")))
            for number in range(30):
                (top / f"small{number}").write_bytes(b"y" * (10 * number))
            (top / "small1").chmod(0o640)
            os.utime(top / "small1", (5, 7))
            data = archive.pack(archive.tree("root", folder) + [archive.Entry("bin/a", b"1" * 5000)])
        found = {name: rest for name, *rest in archive.entries_of(data)}
        self.assertEqual(len(found), 36)
        self.assertEqual(found["root/link"][0] & 0o170000, 0o120000)
        self.assertEqual(found["root/link"][2], b"dir/large")
        self.assertEqual(found["root/dir"][0], 0o40751)
        self.assertEqual(found["root/small1"][:3], [0o100640, 7, b"y" * 10])
        for name in ("root/dir/large", "root/dir/exact"):
            content, at = found[name][2:]
            self.assertEqual(at % archive.PAGE_BYTES, 0)
            end = at + len(content)
            self.assertEqual(set(data[end:end + -end % archive.PAGE_BYTES]) - {0}, set())
        self.assertEqual(sorted(archive.names(data)), sorted(found))


if __name__ == "__main__":
    unittest.main()
