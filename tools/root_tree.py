#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the tree of Linux programs that the boot archive carries, build/root, of the set `root` of packages.txt: what the
programs need to run, without manuals, translations and what only an installed Debian uses."""
import pathlib
import shutil
import sys

from emulator import Failure, ROOT
import packages

TREE = ROOT / "build/root"

# What is left out, as patterns of paths in the tree.
LEFT_OUT = (
    "boot", "dev", "home", "media", "mnt", "opt", "proc", "run", "srv", "sys", "var",
    "usr/games", "usr/include", "usr/libexec", "usr/src", "usr/local", "usr/lib/systemd", "usr/lib/dpkg", "usr/lib/mime",
    "usr/lib/tar", "usr/lib/tmpfiles.d", "usr/lib/sysusers.d", "usr/lib/os-release", "usr/lib/valgrind", "usr/lib/locale",
    "usr/lib/riscv64-linux-gnu/gconv", "usr/lib/riscv64-linux-gnu/ossl-modules", "usr/lib/riscv64-linux-gnu/engines-3",
    "usr/lib/riscv64-linux-gnu/perl-base", "usr/lib/riscv64-linux-gnu/audit",
    "usr/share/*", "usr/bin/dpkg*", "usr/bin/perl*", "usr/bin/debconf*", "usr/bin/deb-systemd*", "usr/sbin/*",
    "etc/*",
)

FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\ntty:x:5:\n",
    "etc/hostname": "winkle\n",
    "etc/motd": "This is a shell of Debian on Winkle. /winkle has the native programs, such as hello. What is written stays\n"
                "in memory, and goes with the machine: exit powers it off, and Ctrl-A X leaves it at once.\n",
    "etc/profile": "export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/winkle\n"
                   "export PS1='\\w \\$ '\ncd\ncat /etc/motd\n",
}
FOLDERS = ("dev/shm", "etc", "home", "proc", "root", "sys", "tmp", "var/tmp")


def copy(source, target, left_out=LEFT_OUT, inside=pathlib.PurePath()):
    for entry in sorted((source / inside).iterdir()):
        path = inside / entry.name
        if any(path.match(pattern) for pattern in left_out):
            continue
        if entry.is_symlink():
            (target / path).unlink(missing_ok=True)
            (target / path).symlink_to(entry.readlink())
        elif entry.is_dir():
            (target / path).mkdir(exist_ok=True)
            copy(source, target, left_out, path)
        else:
            shutil.copy2(entry, target / path)


def make():
    source = packages.fetch("root")
    if TREE.exists():
        shutil.rmtree(TREE)
    TREE.mkdir(parents=True)
    copy(source, TREE)
    for folder in FOLDERS:
        (TREE / folder).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "dev/shm"):
        (TREE / name).chmod(0o1777)
    for name, text in FILES.items():
        (TREE / name).write_text(text)


def main():
    try:
        make()
    except Failure as failure:
        sys.exit(f"winkle: {failure}")


if __name__ == "__main__":
    main()
