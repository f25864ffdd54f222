# SPDX-License-Identifier: MIT
"""Adds the place of the boot archive to a flattened device tree, as a boot loader would (Devicetree 0.4, 3.6 and 5)."""
import struct

HEADER = ">10I"
MAGIC, BEGIN_NODE, PROPERTY = 0xd00dfeed, 1, 3
FIRST_NAME, LAST_NAME = b"linux,initrd-start\0", b"linux,initrd-end\0"


def with_archive(tree, start, end):
    """The tree, with the two properties at the start of its node /chosen, and without unused bytes."""
    (magic, _, structure_at, strings_at, reservations_at, version, compatible, hart, strings_bytes,
     structure_bytes) = struct.unpack_from(HEADER, tree)
    if magic != MAGIC:
        raise ValueError("this is no flattened device tree")
    reservations = tree[reservations_at:min(at for at in (structure_at, strings_at, len(tree)) if at > reservations_at)]
    structure = tree[structure_at:structure_at + structure_bytes]
    strings = tree[strings_at:strings_at + strings_bytes]
    node = struct.pack(">I", BEGIN_NODE) + b"chosen\0\0"
    into = structure.index(node) + len(node)
    names = len(strings), len(strings) + len(FIRST_NAME)
    added = b"".join(struct.pack(">3IQ", PROPERTY, 8, name, value) for name, value in zip(names, (start, end)))
    structure = structure[:into] + added + structure[into:]
    strings += FIRST_NAME + LAST_NAME
    reservations_at = (struct.calcsize(HEADER) + 7) & -8
    structure_at = reservations_at + len(reservations)
    strings_at = structure_at + len(structure)
    header = struct.pack(HEADER, magic, strings_at + len(strings), structure_at, strings_at, reservations_at, version,
                         compatible, hart, len(strings), len(structure))
    return header + reservations + structure + strings
