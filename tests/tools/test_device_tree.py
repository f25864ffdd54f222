# SPDX-License-Identifier: MIT
"""A device tree gets the place of the boot archive, and keeps the rest."""
import struct
import unittest

import device_tree

OLD_NAME = b"compatible\0"
BEFORE = struct.pack(">I", 1) + b"\0\0\0\0"
CHOSEN = struct.pack(">I", 1) + b"chosen\0\0"
AFTER = struct.pack(">3I", 3, 4, 0) + b"old\0" + struct.pack(">3I", 2, 2, 9)


def tree(structure):
    """A tree as the emulator writes it: padded, with an entry of reserved memory and the list's end."""
    reservations = struct.pack(">4Q", 0x80000000, 0x1000, 0, 0)
    structure_at = 40 + len(reservations)
    strings_at = structure_at + len(structure)
    header = struct.pack(">10I", 0xd00dfeed, 4096, structure_at, strings_at, 40, 17, 16, 0, len(OLD_NAME),
                         len(structure))
    return (header + reservations + structure + OLD_NAME).ljust(4096, b"\0")


class DeviceTree(unittest.TestCase):
    def test_the_archive_is_added(self):
        result = device_tree.with_archive(tree(BEFORE + CHOSEN + AFTER), 0x80400000, 0x80412345)
        _, total, structure_at, strings_at, reservations_at, *_, strings_bytes, structure_bytes = struct.unpack_from(
            ">10I", result)
        self.assertEqual(total, len(result))
        self.assertEqual(result[reservations_at:structure_at], struct.pack(">4Q", 0x80000000, 0x1000, 0, 0))
        structure = result[structure_at:structure_at + structure_bytes]
        names = result[strings_at:strings_at + strings_bytes]
        self.assertTrue(structure.startswith(BEFORE + CHOSEN) and structure.endswith(AFTER))
        self.assertTrue(names.startswith(OLD_NAME))
        added = struct.unpack(">3IQ3IQ", structure[len(BEFORE + CHOSEN):-len(AFTER)])
        self.assertEqual([names[at:].split(b"\0")[0] for at in (added[2], added[6])],
                         [b"linux,initrd-start", b"linux,initrd-end"])
        self.assertEqual((added[3], added[7]), (0x80400000, 0x80412345))

    def test_what_is_no_tree_is_refused(self):
        with self.assertRaises(ValueError):
            device_tree.with_archive(b"\0" * 100, 1, 2)
        with self.assertRaises(ValueError):
            device_tree.with_archive(tree(BEFORE + AFTER), 1, 2)


if __name__ == "__main__":
    unittest.main()
