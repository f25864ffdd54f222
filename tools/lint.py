# SPDX-License-Identifier: MIT
"""Checks of the source text. Each returns a list of complaints; `./winkle test lint` runs them."""
import ast
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import emulator
from emulator import ROOT

CODE_FOLDERS = ("kernel", "lib", "interfaces", "services", "drivers", "personality", "programs", "tests")
CONDITIONALS_PER_1000_LINES = 1
# Each version of these has an opinion of its own. The source follows the one of the versions in Debian 12.
GCC_ONLY = ("-fno-tree-loop-distribute-patterns", "-fno-move-loop-invariants", "-malign-data=natural")
VERSIONS = {"clang-format": "14.", "clang-tidy": "14.", "cppcheck": "2.10"}


class Skip(Exception):
    """The check can't be made here; the text says why."""


def require_version(tool):
    version = re.search(r"\d+\.\d+", subprocess.run([tool, "--version"], capture_output=True, text=True,
                                                    check=True).stdout)[0]
    if not version.startswith(VERSIONS[tool]):
        raise Skip(f"the source follows {tool} {VERSIONS[tool].rstrip('.')}, this is {version}")


def run(words, timeout=600):
    """Runs a command; returns [] if it succeeds, or what it printed."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, check=False)
    text = done.stdout.decode(errors="replace").splitlines()
    return [] if done.returncode == 0 else text or [f"{words[0]}: exit status {done.returncode}"]


def for_each(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [complaint for complaints in pool.map(function, items) for complaint in complaints]


def files(*suffixes, folders=CODE_FOLDERS):
    """The project's files with those suffixes, by name from the root; golden files of tests are not source."""
    return sorted(path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*")
                  if path.suffix in suffixes and "golden" not in path.parts)


def make_value(name):
    return subprocess.run(["make", "-s", "--no-print-directory", f"print-{name}"], cwd=ROOT, capture_output=True,
                          text=True, check=True).stdout.split()


def flags(file, for_clang=False):
    """The compiler and flags that a C file is built with, without output of any kind."""
    part = file.parts[0]
    if part == "kernel" and "host" not in file.parts:
        words = ["riscv64-linux-gnu-gcc", *make_value("KERNEL_CFLAGS")]
    elif part in ("kernel", "tests") and (set(file.parts) & {"host", "fuzz"}):
        words = ["clang" if for_clang else "gcc", *make_value("HOST_CFLAGS")]
    else:
        words = ["riscv64-linux-gnu-gcc", *make_value("NATIVE_CFLAGS")]
        if file.parts[:2] == ("services", "devices"):
            words += make_value("DEVICES_INCLUDES")
    words = [word for word in words if word not in ("-MMD", "-MP")]
    if for_clang and words[0].startswith("riscv64"):
        march = next(word for word in words if word.startswith("-march="))
        words = ["clang", "--target=riscv64-unknown-elf", *clang_words(words[1:], march)]
    return words


def clang_words(words, march):
    """Clang names the architecture by its own version of the standard, and lacks some of GCC's flags."""
    probe = ["clang", "--target=riscv64-unknown-elf", march, "-x", "c", "-fsyntax-only", "/dev/null"]
    if run(probe):
        words = [word.replace("_zicsr_zifencei", "") for word in words]
    return [word for word in words if word not in GCC_ONLY and not word.startswith("-flto")]


def source_lines(file):
    return (ROOT / file).read_text(errors="replace").splitlines()


def check_format():
    require_version("clang-format")
    text = run(["clang-format", "--dry-run", "-Werror", *files(".c", ".h")])
    badly_formatted = sorted({line.split(":")[0] for line in text if "clang-format-violations" in line})
    return [f"{file}: not formatted as .clang-format says; run: make format" for file in badly_formatted] or text


def compiled_files():
    """The C files that the build compiles for Winkle itself."""
    return [file for file in files(".c", folders=("kernel", "lib", "programs", "services", "drivers", "personality"))
            if file.name != "offsets.c"]


def check_tidy():
    require_version("clang-tidy")
    table = {file: flags(file, for_clang=True)[1:] for file in compiled_files()}
    return for_each(lambda file: run(["clang-tidy", "--quiet", "--warnings-as-errors=*", file, "--", *table[file]]),
                    table)


def check_cppcheck():
    require_version("cppcheck")
    return run(["cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr", "--std=c11",
                "--suppress=missingIncludeSystem", "--suppress=internalAstError", "--suppress=comparePointers",
                "--error-exitcode=1", "--platform=unix64", "-D__riscv_xlen=64",
                "-I", "kernel", "-I", "kernel/arch/riscv", "-I", "lib", "-I", "interfaces",
                "-I", "build/generated/include", "-I", "build/generated/kernel", *compiled_files()])


def check_clang():
    """Clang as a second compiler of everything that runs on Winkle, with the same warnings as errors."""
    table = {file: flags(file, for_clang=True) for file in compiled_files()}
    return for_each(lambda file: run([*table[file], "-c", file, "-o", os.devnull]), table)


def check_headers():
    """Every header compiles alone; arch_inline.h is the part of arch.h that each architecture brings."""
    headers = [file for file in files(".h") if "include-libfdt" not in file.parts and file.name != "arch_inline.h"]
    table = {file: flags(file) for file in headers}
    return for_each(lambda file: run([*table[file], "-x", "c", "-fsyntax-only", "-include", file, os.devnull]), table)


def check_shell():
    scripts = [ROOT / "winkle", *sorted((ROOT / "tools").glob("*.sh"))]
    return for_each(lambda script: run(["sh", "-n", script]), scripts) + run(["bash", "-n", ROOT / ".ci/run"])


def check_python():
    complaints = []
    for file in files(".py", folders=("tools", "tests")):
        try:
            ast.parse((ROOT / file).read_text(), str(file))
        except SyntaxError as error:
            complaints.append(f"{file}:{error.lineno}: {error.msg}")
    return complaints


INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')


def includes(file):
    """(line number, name) of each include."""
    return [(number, match[1]) for number, line in enumerate(source_lines(file), 1) if (match := INCLUDE.match(line))]


def resolve(file, name):
    """The project's file that an include means, or None."""
    for folder in (file.parent, pathlib.Path("kernel"), pathlib.Path("kernel/arch/riscv"), pathlib.Path("lib")):
        path = pathlib.Path(os.path.normpath(folder / name))
        if (ROOT / path).is_file():
            return path
    return None


def check_includes():
    """Includes go downward: portable kernel code sees arch.h only, libraries see no services; and in no circle."""
    complaints = []
    edges = {}
    for file in files(".c", ".h", folders=("kernel", "lib", "services", "drivers", "personality", "programs")):
        edges[file] = []
        for number, name in includes(file):
            target = resolve(file, name)
            if target is None:
                continue
            edges[file].append(target)
            portable = file.parts[0] == "kernel" and file.parts[1] not in ("arch", "machine")
            if portable and target.parts[:2] == ("kernel", "arch") and target.name != "arch.h":
                complaints.append(f"{file}:{number}: portable kernel code includes {target}; only arch.h is for it")
            if file.parts[0] == "lib" and target.parts[0] not in ("lib", "interfaces"):
                complaints.append(f"{file}:{number}: a library includes {target}, which is above it")
            if file.parts[0] != "kernel" and target.parts[0] == "kernel":
                complaints.append(f"{file}:{number}: only the kernel includes {target}")
    return complaints + circles(edges)


def circles(edges):
    complaints, done = [], set()

    def visit(file, path):
        if file in path:
            circle = path[path.index(file):] + [file]
            complaints.append("headers include each other: " + " -> ".join(str(step) for step in circle))
        elif file not in done:
            for target in edges.get(file, []):
                visit(target, path + [file])
            done.add(file)

    for file in edges:
        visit(file, [])
    return complaints


def check_conditionals():
    """Portable kernel code has next to no #if: options multiply kernels that nobody tested."""
    found, lines = [], 0
    for file in files(".c", ".h", folders=("kernel",)):
        if file.parts[1] == "arch" or file.name == "config.h" or "include-libfdt" in file.parts:
            continue
        text = source_lines(file)
        lines += len(text)
        found += [f"{file}:{number}: {line.strip()}" for number, line in enumerate(text, 1)
                  if re.match(r"\s*#\s*(if|ifdef|elif)\b", line) or
                  (re.match(r"\s*#\s*ifndef\b", line) and not line.split()[-1].endswith("_H"))]
    return found if len(found) * 1000 > lines * CONDITIONALS_PER_1000_LINES else []


def check_text():
    """Every source names its licence; nothing names the host that packages come from; no work is left as a note."""
    complaints = []
    sources = files(".c", ".h", ".S", ".ld", ".py", ".sh", ".mk", ".awk", folders=(*CODE_FOLDERS, "tools"))
    for file in [*sources, pathlib.Path("winkle"), pathlib.Path("Makefile"), pathlib.Path(".ci/run")]:
        if not any("SPDX-License-Identifier: MIT" in line for line in source_lines(file)[:3]):
            complaints.append(f"{file}:1: the licence line is missing")
    documents = [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]]
    for file in [*sources, *documents, pathlib.Path("winkle"), pathlib.Path(".ci/run")]:
        for number, line in enumerate(source_lines(file), 1):
            if re.search(r"\b(deb|ftp|security|snapshot|archive)\.[a-z.]*(debian|ubuntu)\.(org|com)", line):
                complaints.append(f"{file}:{number}: names a package mirror")
            if re.search(r"\b(T[O]DO|F[I]XME|X[X]X)\b", line):
                complaints.append(f"{file}:{number}: finish it or open an issue")
    return complaints


def check_interfaces():
    """The interface files agree with the committed lock of their numbers."""
    return run(["python3", "tools/interfaces.py", *sorted((ROOT / "interfaces").glob("*.interface"))])


CHECKS = {"format": check_format, "tidy": check_tidy, "cppcheck": check_cppcheck, "clang": check_clang,
          "headers": check_headers, "shell": check_shell, "python": check_python, "includes": check_includes,
          "conditionals": check_conditionals, "text": check_text, "interfaces": check_interfaces}


def main():
    """`make format` asks: is this the version of a tool that the source follows?"""
    try:
        require_version(sys.argv[1])
    except Skip as reason:
        sys.exit(f"winkle: {reason}")


if __name__ == "__main__":
    main()
