#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sits at the terminal of `./winkle run`: a pseudo-terminal, at which it types what a person would.

usage: tests/linux/session_cases.py [BUILD]     the build (debug) must be there: make BUILD=debug linux-image
Prints a line for each case, `pass NAME` or `FAIL NAME` with what was shown last; status 1 if one failed.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 120  # of a machine that is busy with other things, for each thing to be shown
PROMPT = r"# (\x1b\[6n)?$"  # and the shell's question where the cursor is


class Session:
    """A run of ./winkle at a pseudo-terminal."""

    def __init__(self, *words):
        self.shown = ""
        self.seen = 0
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execv(ROOT / "winkle", ["winkle", "run", *words])

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def read(self, deadline):
        """Whether something more was shown."""
        try:
            data = os.read(self.terminal, 4096) if select.select([self.terminal], [], [], deadline - time.monotonic())[0] else b""
        except OSError:  # nobody has the other side any more
            data = b""
        self.shown += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern):
        """Waits until the pattern is in what has been shown since the last time; returns what was up to its end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = re.search(pattern, self.shown[self.seen:])
            if found:
                text = self.shown[self.seen:self.seen + found.end()]
                self.seen += found.end()
                return text
            if time.monotonic() > deadline or not self.read(deadline):
                raise AssertionError(f"{pattern!r} was not shown")

    def command(self, keys, pattern=""):
        """Types a line, and waits for what it shows and the next prompt."""
        self.type(keys + "\r")
        return self.expect(f"(?s:{pattern}.*){PROMPT}")

    def end(self):
        """Waits for its end; returns its exit status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.read(deadline):
            pass
        if time.monotonic() > deadline:
            raise AssertionError("the session has not ended")
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def start(session, program):
    """A program that runs when this returns: keys that come before would be the shell's."""
    session.type(f"sh -c 'echo runs; exec {program}'\r")
    session.expect(r"\r\nruns\r\n")


def job_control(session):
    session.expect("(?s)a shell of Debian on Winkle.*" + PROMPT)
    session.command("echo $((6 * 7)) $HOME", r"\n42 /root\r\n")
    start(session, "sleep 100")
    session.type("\x03")
    session.expect(r"(?s)\^C\r\n.*" + PROMPT)
    session.command("echo status $?", r"status 130\r\n")
    start(session, "sleep 200")
    session.type("\x1a")
    session.expect(r"(?s)Stopped +sh .*" + PROMPT)
    session.command("jobs", r"\[1\]\+ +Stopped +sh ")
    session.command("bg", r"\[1\] sh ")
    session.command("jobs", r"\[1\]\+ +Running +sh ")
    session.command("kill %1; wait %1; echo status $?", r"status 143\r\n")
    start(session, "cat")
    session.type("\x1a")
    session.expect(r"(?s)Stopped +sh .*" + PROMPT)
    session.type("fg\r")
    session.expect(r"fg\r\nsh .*\r\n")
    session.type("it has the terminal\r")  # the shell names the job before it gives it the terminal: Ctrl-C waits for an answer
    session.expect(r"\r\nit has the terminal\r\n")
    session.type("\x03")
    session.expect(r"(?s)\^C\r\n.*" + PROMPT)
    session.command("which busybox lua5.4 sqlite3 python3 bash ls hello",
                    "/busybox.*/lua5.4.*/sqlite3.*/python3.*/bash.*/ls.*/winkle/hello")
    session.type("exit 3\r")
    assert session.end() == 0, "the session did not end with status 0"
    assert "\r\r" not in session.shown, "lines end with two carriage returns"
    assert "revoked" not in session.shown, "something complains when the machine is powered off"


def readme(session):
    """The session that README.md shows. How many pages there are differs: compilers make programs of other sizes."""
    text = (ROOT / "README.md").read_text()
    shown = re.search(r"^    ~ # .*\n(?:    .*\n)+", text, re.MULTILINE)[0]
    for line in (line[4:] for line in shown.splitlines()):
        if line.startswith("~ # "):
            session.expect(PROMPT)
            session.type(line[4:] + "\r")
        else:
            if line.startswith("^Z"):
                session.type("\x1a")
            session.expect(r"(?:^|\n)" + re.sub(r"\d+(?=\\ OF|\\ PAGES)", r"\\d+", re.escape(line)) + r"\r\n")
    assert session.end() == 0, "the session did not end with status 0"


def native_programs(session):
    """Native programs at the terminal: what is typed, Ctrl-C, Ctrl-Z and the background."""
    session.expect(PROMPT)
    session.type("test-filter upper\rlower\r")
    session.expect(r"\r\nLOWER\r\n")
    session.type("\x04")
    session.expect(PROMPT)
    start(session, "test-filter sleep")
    session.type("\x03")
    session.expect(r"(?s)\^C\r\n.*" + PROMPT)
    session.command("echo status $?", r"status 130\r\n")
    start(session, "test-filter upper")
    session.type("\x1a")
    session.expect(r"(?s)Stopped +sh .*" + PROMPT)
    session.command("bg", r"\[1\] sh ")
    session.command("echo the shell has the terminal", r"\r\nthe shell has the terminal\r\n")
    session.type("fg\r")
    session.expect(r"fg\r\nsh .*\r\n")
    session.type("again\r")
    session.expect(r"\r\nAGAIN\r\n")
    session.type("\x04")
    session.expect(PROMPT)
    session.type("exit\r")
    assert session.end() == 0, "the session did not end with status 0"


def other_root(session):
    session.expect(PROMPT)
    session.command("cat /etc/where; ls / | head -3", r"another root\r\n")
    session.type("exit\r")
    assert session.end() == 0, "the session did not end with status 0"


def little_memory(session):
    session.expect(PROMPT)
    session.command("lua5.4 -e 'print(6 * 7)' | cat", r"\r\n42\r\n")
    session.command("hello | cat", r"\r\nHello from Winkle")
    session.type("exit\r")
    assert session.end() == 0, "the session did not end with status 0"


def least_memory(build):
    """16 MiB besides the boot archive."""
    archive_bytes = (ROOT / "build" / build / "linux.cpio").stat().st_size
    return f"{-(-archive_bytes >> 20) + 16}M"


def make_root(folder):
    """The least that a shell needs."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    (root / "etc").mkdir()
    shutil.copy2(ROOT / "build/root/usr/bin/busybox", root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    (root / "etc/where").write_text("another root\n")
    with tarfile.open(folder / "root.tar.gz", "w:gz") as file:
        file.add(root, ".")


def typed_by_file(build):
    """What is typed comes from a pipe, and ends."""
    done = subprocess.run([ROOT / "winkle", "run", "--build", build, "--timeout", str(PATIENCE_SECONDS)], input=b"echo $((2 * 21))\n",
                          capture_output=True, check=False)
    assert done.returncode == 0 and b"\n42\n" in done.stdout, done


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "debug"
    options = ("--build", build)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        make_root(pathlib.Path(folder))
        for name, script, words in (("readme", readme, ()),
                                    ("job-control", job_control, ()),
                                    ("native-programs", native_programs, ()),
                                    ("least-memory", little_memory, ("--memory", least_memory(build))),
                                    ("root-folder", other_root, ("--root", f"{folder}/root")),
                                    ("root-tar", other_root, ("--root", f"{folder}/root.tar.gz", "--memory", "64M"))):
            session = Session(*options, *words)
            try:
                script(session)
                print(f"pass {name}", flush=True)
            except AssertionError as reason:
                failed += 1
                print(f"FAIL {name} {reason}; last was {session.shown[-1000:]!r}", flush=True)
                os.close(session.terminal)
        try:
            typed_by_file(build)
            print("pass typed-by-file", flush=True)
        except AssertionError as reason:
            failed += 1
            print(f"FAIL typed-by-file {reason}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
