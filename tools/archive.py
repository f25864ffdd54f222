#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a boot archive: cpio, format "newc", the same bytes for the same files.

usage: tools/archive.py ARCHIVE NAME=FILE...     NAME is the file's name inside
"""
import pathlib
import sys

MODE = 0o100555  # a plain file; nobody writes to the boot archive


def entry(name, content, inode):
    """One file: a header of 8-digit hexadecimal fields, the name, the content, each padded to four bytes."""
    name_bytes = name.encode() + b"\0"
    last = name == "TRAILER!!!"
    fields = [inode, 0 if last else MODE, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name_bytes), 0]
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return pad(header + name_bytes) + pad(content)


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def archive(files):
    """The archive of {name: content}, sorted by name."""
    entries = [entry(name, content, number) for number, (name, content) in enumerate(sorted(files.items()), 1)]
    return b"".join(entries) + entry("TRAILER!!!", b"", 0)


def names(content):
    """The names of an archive's files, which is one of those written here."""
    found, at = [], 0
    while not found or found[-1] != "TRAILER!!!":
        length, name_length = (int(content[at + field:at + field + 8], 16) for field in (54, 94))
        found.append(content[at + 110:at + 109 + name_length].decode())
        at += 110 + name_length
        at += -at % 4 + length + -length % 4
    return found[:-1]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    target, *words = sys.argv[1:]
    files = {}
    for word in words:
        name, _, file = word.partition("=")
        if name in files:
            sys.exit(f"winkle: two files of the boot archive have the name {name}; rename one")
        files[name] = pathlib.Path(file).read_bytes()
    pathlib.Path(target).write_bytes(archive(files))


if __name__ == "__main__":
    main()
