#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fetches Debian's packages: programs and kernels for riscv64, which are unpacked and never installed; and sources.

usage: tools/packages.py fetch SET         unpacks a set of packages.txt into build/packages/SET
       tools/packages.py pin SET...        looks up anew what a set consists of, and writes it to packages.txt
       tools/packages.py source PACKAGE    unpacks a source of sources.txt into build/sources/PACKAGE

Versions and checksums are pinned, so that every machine has the same. Where to fetch from is what this machine's apt is
set up with; apt checks Debian's signatures, in a directory of its own: the machine's apt lists stay as they are.
Neither root nor `deb-src` entries are needed.
"""
import contextlib
import fcntl
import glob
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from emulator import Failure, ROOT

ARCHITECTURE = "riscv64"
LIST, SOURCES, TREES = ROOT / "tools/packages.txt", ROOT / "tools/sources.txt", ROOT / "build/packages"
ENTRY_FILES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources")


# ---- what is pinned ----

class Set:
    """Packages that are wanted together. Lines of packages.txt: `set NAME RELEASE`; `wanted PACKAGE...`, with all that
    these depend on; `only PATTERN`, a regular expression for what is taken of that; `folder FOLDER...`, what is unpacked;
    and `pinned PACKAGE VERSION ARCHITECTURE SHA256`, which `pin` writes."""

    def __init__(self, name, release):
        self.name, self.release = name, release
        self.wanted, self.only, self.folders, self.pinned = [], ".*", [], []


def read_sets(text):
    """{name: set} of packages.txt."""
    sets = {}
    for number, line in enumerate(text.splitlines(), 1):
        kind, *words = line.split() if line.strip() and not line.startswith("#") else [""]
        current = next(reversed(sets.values()), None)
        if kind == "set" and len(words) == 2:
            sets[words[0]] = Set(*words)
        elif kind == "pinned" and current and len(words) == 4:
            current.pinned.append(tuple(words))
        elif kind == "only" and current and len(words) == 1:
            current.only = words[0]
        elif kind in ("wanted", "folder") and current and words:
            (current.wanted if kind == "wanted" else current.folders).extend(words)
        elif kind:
            raise Failure(f"{LIST.name}:{number}: this is no line of a set: {line.strip()}")
    return sets


def find_set(name):
    sets = read_sets(LIST.read_text())
    if name not in sets:
        raise Failure(f"{LIST.name} has no set '{name}'; it has {', '.join(sets)}")
    return sets[name]


def with_pins(text, name, pinned):
    """packages.txt with other pins for a set."""
    lines, inside = [], False
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["set"]:
            inside = words[1] == name
        if not inside or words[:1] != ["pinned"]:
            lines.append(line)
    at = next(number for number, line in enumerate(lines) if line.split()[:2] == ["set", name]) + 1
    while at < len(lines) and lines[at].split()[:1] in (["wanted"], ["only"], ["folder"]):
        at += 1
    lines[at:at] = [" ".join(("pinned", *pin)) for pin in pinned]
    return "\n".join(lines) + "\n"


# ---- where this machine fetches from ----

def paragraphs(text):
    """The entries of a file in paragraphs: lists of (field in small letters, its lines without comments)."""
    for paragraph in re.split(r"\n(?:[ \t]*\n)+", re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)):
        fields = re.findall(r"^([^\s:]+):(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE)
        if fields:
            yield [(name.lower(), value) for name, value in fields]


def derive_paragraphs(text, here, release, kind):
    """Of the entries for Debian main of release `here`, entries of this kind for another release. Other fields, such as
    the signing key, are kept, but not for which architectures they are."""
    entries = []
    for fields in paragraphs(text):
        value = {name: words.split() for name, words in fields}
        if value.get("enabled") == ["no"] or "deb" not in value.get("types", []) or \
                "main" not in value.get("components", []) or here not in value.get("suites", []):
            continue
        changed = {"types": f" {kind}", "suites": f" {release}", "components": " main"}
        entries.append("".join(f"{name}:{changed.get(name, words)}\n" for name, words in fields
                               if name != "architectures"))
    return "\n".join(entries)


def derive_lines(text, here, release, kind):
    """The same for a file of one-line entries."""
    entries = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if match and match[3] == here and "main" in match[4].split():
            options = [word for word in (match[1] or "").split() if not word.startswith("arch=")]
            entries.append(" ".join([kind, *([f"[{' '.join(options)}]"] if options else []), match[2], release, "main\n"]))
    return "".join(entries)


def this_release():
    match = re.search(r"^VERSION_CODENAME=\"?(\w+)", pathlib.Path("/etc/os-release").read_text(), re.MULTILINE)
    return match[1] if match else ""


class Apt:
    """apt in a directory of its own, for one release."""

    def __init__(self, work, release, kind="deb"):
        self.work = pathlib.Path(work)
        # apt fetches as a user of its own, who must be able to reach this directory, and to write where it puts things.
        self.work.chmod(0o755)
        for folder in ("entries", "lists/partial", "cache/archives/partial", "fetched"):
            (self.work / folder).mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.work / "fetched", "_apt")
        (self.work / "status").touch()
        self.write_entries(release, kind)
        self.get("update")

    def write_entries(self, release, kind):
        here, found = this_release(), False
        for number, file in enumerate(sorted(file for pattern in ENTRY_FILES for file in glob.glob(pattern))):
            derive = derive_paragraphs if file.endswith(".sources") else derive_lines
            with contextlib.suppress(PermissionError):
                text = derive(pathlib.Path(file).read_text(), here, release, kind)
                (self.work / f"entries/{number}{pathlib.Path(file).suffix}").write_text(text)
                found = found or bool(text)
        if not found:
            raise Failure(f"/etc/apt has no entry for Debian '{here}' main, from which packages could be fetched; add it")

    def run(self, tool, *words):
        private = {"Dir::Etc::SourceList": "/dev/null", "Dir::Etc::SourceParts": self.work / "entries",
                   "Dir::Etc::Preferences": "/dev/null", "Dir::Etc::PreferencesParts": "/dev/null",
                   "Dir::State::Lists": self.work / "lists", "Dir::State::Status": self.work / "status",
                   "Dir::Cache": self.work / "cache", "APT::Architecture": ARCHITECTURE,
                   "APT::Architectures": ARCHITECTURE, "APT::Install-Recommends": "false", "APT::Update::Error-Mode": "any",
                   "Acquire::Retries": 3, "Acquire::http::Timeout": 30, "Acquire::Languages": "none"}
        options = [word for option, value in private.items() for word in ("-o", f"{option}={value}")]
        done = subprocess.run([tool, "-qq", *options, *words], cwd=self.work / "fetched", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            raise Failure(f"'{tool} {words[0]}' could not do it; check this machine's network\n{done.stderr.strip()}")
        return done.stdout

    def get(self, *words):
        return self.run("apt-get", *words)

    def resolve(self, names):
        """[(package, version, architecture)]: these, and all that they depend on."""
        text = self.get("install", "--simulate", *names)
        return sorted(set(re.findall(r"^Inst (\S+) \((\S+) .*\[(\w+)\]\)", text, re.MULTILINE)))

    def checksums(self, packages):
        """{package: checksum}"""
        text = self.run("apt-cache", "show", *(f"{package}={version}" for package, version, _ in packages))
        fields = (dict(re.findall(r"^(Package|SHA256): (\S+)$", paragraph, re.MULTILINE)) for paragraph in text.split("\n\n"))
        return {of["Package"]: of["SHA256"] for of in fields if of}


# ---- packages ----

def pin(name):
    wanted = find_set(name)
    with tempfile.TemporaryDirectory() as work:
        apt = Apt(work, wanted.release)
        packages = [package for package in apt.resolve(wanted.wanted) if re.fullmatch(wanted.only, package[0])]
        checksums = apt.checksums(packages)
        pinned = [(*package, checksums[package[0]]) for package in packages]
    LIST.write_text(with_pins(LIST.read_text(), name, pinned))


def checksum_of(file):
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def archive_of(pinned):
    """Where a package's file is kept."""
    package, version, architecture, _ = pinned
    return TREES / "archives" / f"{package}_{version.replace(':', '%3a')}_{architecture}.deb"


def has_archive(pinned):
    return archive_of(pinned).exists() and checksum_of(archive_of(pinned)) == pinned[3]


def download(wanted):
    """Fetches what is not there yet of the pinned packages. What has another checksum is not kept."""
    missing = [pinned for pinned in wanted.pinned if not has_archive(pinned)]
    if not missing:
        return
    (TREES / "archives").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        apt = Apt(work, wanted.release)
        try:
            apt.get("download", *(f"{package}={version}" for package, version, *_ in missing))
        except Failure as failure:
            raise Failure(f"{failure}\nwhere Debian has newer versions by now: tools/packages.py pin {wanted.name}") from None
        for pinned in missing:
            file = apt.work / "fetched" / archive_of(pinned).name
            if checksum_of(file) != pinned[3]:
                raise Failure(f"{pinned[0]} {pinned[1]} is another file than the one that {LIST.name} pins")
            shutil.move(file, archive_of(pinned))


def unpack(wanted, tree):
    """Their files, as they are; what their scripts do when packages are installed is not done."""
    for pinned in wanted.pinned:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive_of(pinned)], stdout=subprocess.PIPE) as files:
            command = ["tar", "-x", "-C", str(tree), "--no-same-owner", *(f"./{folder}" for folder in wanted.folders)]
            status = subprocess.run(command, stdin=files.stdout, check=False).returncode
        if status != 0 or files.returncode != 0 and not wanted.folders:
            raise Failure(f"could not unpack {archive_of(pinned)}")


@contextlib.contextmanager
def alone():
    """Nobody else fetches meanwhile."""
    TREES.mkdir(parents=True, exist_ok=True)
    with open(TREES / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(name):
    """The folder with the files of a set; fetched if it is not there as it is pinned."""
    wanted = find_set(name)
    if not wanted.pinned:
        raise Failure(f"nothing of the set '{name}' is pinned yet: tools/packages.py pin {name}")
    tree, stamp, state = TREES / name, TREES / f"{name}.stamp", repr((wanted.pinned, wanted.folders))
    with alone():
        if not stamp.exists() or stamp.read_text() != state:
            stamp.unlink(missing_ok=True)
            download(wanted)
            shutil.rmtree(tree, ignore_errors=True)
            tree.mkdir()
            unpack(wanted, tree)
            stamp.write_text(state)
    return tree


# ---- sources ----

def source(name):
    """Unpacks the upstream source of a package."""
    lines = [line.split() for line in SOURCES.read_text().splitlines() if not line.startswith("#")]
    version, release = next((words[1:] for words in lines if words[:1] == [name]), (None, None))
    if not version:
        raise Failure(f"{SOURCES.name} pins no version of {name}; add a line for it")
    tree = ROOT / "build/sources" / name
    with tempfile.TemporaryDirectory() as work:
        apt = Apt(work, release, "deb-src")
        apt.get("source", "--tar-only", "--only-source", f"{name}={version}")
        archive, = apt.work.glob("fetched/*.tar.*")
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-f", archive, "-C", tree, "--strip-components=1", "--no-same-owner"], check=True)
    return tree


def main():
    command, *names = sys.argv[1:] or [""]
    try:
        if command == "pin" and names:
            for name in names:
                pin(name)
        elif command in ("fetch", "source") and len(names) == 1:
            print((fetch if command == "fetch" else source)(names[0]))
        else:
            sys.exit(__doc__.strip())
    except Failure as failure:
        print(f"winkle: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
