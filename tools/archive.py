#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a boot archive: cpio, format "newc", the same bytes for the same files.

usage: tools/archive.py ARCHIVE [NAME=FILE | --tree PREFIX=DIR]...

NAME is the file's name inside. --tree packs a directory with all that is in it, below PREFIX, with symbolic links,
permissions and times; everything belongs to root. What is neither a file, a directory nor a link is left out.

A file of a tree that has a page or more begins with a page of the archive, and the rest of its last page is zero, so that
it can be mapped: the zeros that end the name before it are as many as it takes, and behind it the next entry begins with
the next page. What stands between is filled with smaller files, so that little is lost.
"""
import os
import pathlib
import stat
import sys
import tarfile

MODE = 0o100555  # a plain file; nobody writes to the boot archive
HEADER_BYTES = 110
PAGE_BYTES = 4096
LAST = "TRAILER!!!"


class Entry:
    """What stands in an archive under a name."""

    def __init__(self, name, content=b"", mode=MODE, modified=0, mapped=False):
        self.name, self.content, self.mode, self.modified = os.fsencode(name), content, mode, modified
        self.mapped = mapped

    def header_bytes(self):
        return padded(HEADER_BYTES + len(self.name) + 1)

    def bytes(self):
        return self.header_bytes() + padded(len(self.content))

    def packed(self, inode, header_bytes):
        """A header of 8-digit hexadecimal fields, the name and zeros up to `header_bytes`, the content."""
        name = (self.name + b"\0").ljust(header_bytes - HEADER_BYTES, b"\0")
        fields = [inode, self.mode, 0, 0, 1, self.modified, len(self.content), 0, 0, 0, 0, len(name), 0]
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        return pad(header + name) + pad(self.content)


def padded(count):
    return count + -count % 4


def pad(data):
    return data + b"\0" * (-len(data) % 4)


class Writer:
    """Puts entries one behind the other."""

    def __init__(self):
        self.parts, self.at, self.inode = [], 0, 0

    def add(self, entry, header_bytes=0):
        self.inode += 1
        self.parts.append(entry.packed(self.inode if entry.mode else 0, header_bytes))
        self.at += len(self.parts[-1])

    def begin_page(self):
        self.parts.append(b"\0" * (-self.at % PAGE_BYTES))
        self.at += len(self.parts[-1])


def smaller_that_fits(small, room):
    """The first of the small entries that needs at most so many bytes, taken out; None if there is none."""
    for place, entry in enumerate(small):
        if entry.bytes() <= room:
            return small.pop(place)
    return None


def add_mapped(writer, entry, small):
    """A file whose content begins with a page; smaller ones go before it, where its page's beginning would be empty."""
    while True:
        room = -(writer.at + entry.header_bytes()) % PAGE_BYTES
        filler = smaller_that_fits(small, room)
        if filler is None:
            break
        writer.add(filler)
    writer.add(entry, entry.header_bytes() + room)
    writer.begin_page()


def pack(entries):
    """The archive of some entries: directories first, and the others by name as far as pages allow."""
    writer = Writer()
    entries = sorted(entries, key=lambda entry: (not stat.S_ISDIR(entry.mode), entry.name))
    small = [entry for entry in entries if not entry.mapped]
    while small and stat.S_ISDIR(small[0].mode):
        writer.add(small.pop(0))
    for entry in entries:
        if entry.mapped:
            add_mapped(writer, entry, small)
    for entry in small:
        writer.add(entry)
    writer.add(Entry(LAST, mode=0))
    return b"".join(writer.parts)


def archive(files):
    """The archive of {name: content}, sorted by name."""
    return pack([Entry(name, content) for name, content in files.items()])


def tree(prefix, directory):
    """Entries for all that a directory has."""
    entries = []
    for at, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(at, name)
            status = os.lstat(path)
            inside = os.path.join(prefix, os.path.relpath(path, directory))
            entry = Entry(inside, mode=status.st_mode, modified=int(status.st_mtime) & 0xffffffff)
            if stat.S_ISLNK(status.st_mode):
                entry.content = os.fsencode(os.readlink(path))
            elif stat.S_ISREG(status.st_mode):
                entry.content = pathlib.Path(path).read_bytes()
                entry.mapped = len(entry.content) >= PAGE_BYTES
            elif not stat.S_ISDIR(status.st_mode):
                continue
            entries.append(entry)
    status = os.stat(directory)
    return entries + [Entry(prefix, mode=status.st_mode, modified=int(status.st_mtime) & 0xffffffff)]


def inside(prefix, name):
    """The path in the archive of a tar file's member; None for the root itself. A ValueError if it leads out."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError(f"{name} leads out of its root")
    return "/".join([prefix, *parts]) if parts else None


def tar(prefix, file):
    """Entries for all that a tar file has, compressed or not; what is named twice is what it was last."""
    entries = {}
    with tarfile.open(file) as members:
        for member in members:
            path = inside(prefix, member.name)
            if path is None:
                continue
            entry = Entry(path, modified=int(member.mtime) & 0xffffffff)
            if member.isdir():
                entry.mode = stat.S_IFDIR | member.mode & 0o7777
            elif member.issym():
                entry.mode, entry.content = stat.S_IFLNK | 0o777, os.fsencode(member.linkname)
            elif member.isreg():
                entry.mode, entry.content = stat.S_IFREG | member.mode & 0o7777, members.extractfile(member).read()
            elif member.islnk() and inside(prefix, member.linkname) in entries:
                linked = entries[inside(prefix, member.linkname)]
                entry.mode, entry.content = linked.mode, linked.content
            else:
                continue
            entry.mapped = stat.S_ISREG(entry.mode) and len(entry.content) >= PAGE_BYTES
            entries[path] = entry
    return [*entries.values(), Entry(prefix, mode=stat.S_IFDIR | 0o755)]


def entries_of(content):
    """The entries of an archive that is one of those written here: (name, mode, modified, content, where it begins)."""
    at = 0
    while True:
        if content[at] == 0:
            at += -at % PAGE_BYTES
        mode, modified, length, name_length = (int(content[at + field:at + field + 8], 16) for field in (14, 46, 54, 94))
        name = os.fsdecode(content[at + HEADER_BYTES:at + HEADER_BYTES + name_length].rstrip(b"\0"))
        if name == LAST:
            return
        at += padded(HEADER_BYTES + name_length)
        yield name, mode, modified, content[at:at + length], at
        at += padded(length)


def names(content):
    """The names of an archive's files."""
    return [name for name, *_ in entries_of(content)]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    target, *words = sys.argv[1:]
    entries = []
    while words:
        word = words.pop(0)
        is_tree = word == "--tree" and len(words) > 0
        name, _, file = (words.pop(0) if is_tree else word).partition("=")
        if is_tree:
            entries += tree(name, file)
        else:
            entries.append(Entry(name, pathlib.Path(file).read_bytes()))
    seen = set()
    for entry in entries:
        if entry.name in seen:
            sys.exit(f"winkle: two files of the boot archive have the name {os.fsdecode(entry.name)}; rename one")
        seen.add(entry.name)
    pathlib.Path(target).write_bytes(pack(entries))


if __name__ == "__main__":
    main()
