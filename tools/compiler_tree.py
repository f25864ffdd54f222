#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a tree of Linux programs with GCC in it, build/compiler, for what tests compile on Winkle: that of root_tree.py, what GCC needs for C
of the set `compiler` of packages.txt, and the tests' sources."""
import shutil
import subprocess
import sys

from emulator import Failure, ROOT
import packages
import root_tree

TREE = ROOT / "build/compiler"

# What is left out of the packages: optimising at link time, static libraries of the system, and what has to do with other languages,
# architectures and devices.
LEFT_OUT = (
    "etc", "usr/share", "usr/bin/gp*", "usr/bin/*gprof*", "usr/bin/*gcov*", "usr/bin/*lto-dump*", "usr/lib/*/gprofng",
    "usr/libexec/gcc/*/*/lto1", "usr/libexec/gcc/*/*/lto-wrapper", "usr/libexec/gprofng",
    "usr/lib/gcc/*/*/lib*san*", "usr/lib/gcc/*/*/lib*omp*", "usr/lib/gcc/*/*/libitm*", "usr/lib/gcc/*/*/plugin",
    "usr/lib/*/lib[cm].a", "usr/lib/*/libresolv.a", "usr/lib/*/ldscripts", "usr/lib/linux/uapi/[!r]*",
    "usr/include/drm", "usr/include/sound", "usr/include/rdma", "usr/include/scsi", "usr/include/video", "usr/include/xen",
)
SOURCES = ("compile.sh", "configure.sh", "check.h", "descriptions.c")


def make():
    """Needs build/root and build/linux-tests/configure, which `make linux-image LINUX_MORE=yes` makes."""
    source = packages.fetch("compiler")
    if TREE.exists():
        shutil.rmtree(TREE)
    shutil.copytree(root_tree.TREE, TREE, symlinks=True)
    root_tree.copy(source, TREE, LEFT_OUT)
    (TREE / "usr/bin/gcc").symlink_to("gcc-14")
    (TREE / "tests").mkdir()
    for name in SOURCES:
        shutil.copy2(ROOT / "tests/linux" / name, TREE / "tests")
    shutil.copy2(ROOT / "build/linux-tests/configure", TREE / "tests")
    return TREE


def main():
    try:
        make()
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"winkle: {failure}")


if __name__ == "__main__":
    main()
