#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types at machines: the terminal by the console of last resort and by the driver of the serial port.

usage: tests/system/terminal_cases.py [BUILD]     the build (debug) must be there: ./winkle image BUILD
Prints a line for each case, `pass NAME` or `FAIL NAME` with what was printed instead; status 1 if one failed.
"""
import os
import pathlib
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import archive  # noqa: E402
import emulator  # noqa: E402

PROGRAMS = ("test-terminal", "terminal", "devices", "posix", "serial-16550", "serial-sifive")
MANIFEST = """
program user
    path bin/test-terminal
    bank 512
    priority 90
    grant console
    uses terminal{devices}
program posix
    bank 1024
    priority 110
    service
    serves posix
program terminal
    bank 1024
    priority 110
    grant console
    service
    serves terminal
    uses posix
program devices
    bank 512
    priority 130
    grant console device device-tree archive
    service
    serves devices
    uses terminal
"""


class Typist(emulator.Machine):
    """A machine at which somebody types; it boots with another archive."""

    def __init__(self, build, machine, manifest):
        super().__init__(build, machine)
        files = {f"bin/{name}": (self.directory / "stripped" / name).read_bytes() for name in PROGRAMS}
        self.content = archive.archive(files | {"boot.manifest": manifest.encode()})
        self.file = None
        self.output = b""

    def archive(self):
        return self.file or super().archive()

    def run(self, words, script):
        """Types each part of the script when what stands before it has been shown. Returns the status, and all that came
        out."""
        reading, writing = os.pipe()
        left = list(script)

        def take(data):
            self.output += data
            while left and left[0][0] in self.output.replace(b"\r", b""):
                text = left.pop(0)[1]
                threading.Thread(target=lambda: os.write(writing, text), daemon=True).start()

        with tempfile.NamedTemporaryFile(suffix=".cpio") as file:
            file.write(self.content)
            file.flush()
            self.file = file.name
            status, message = self.run_command(["user", *words], timeout=100, write=take, keys=reading)
        os.close(reading)
        os.close(writing)
        return status, self.output.decode(errors="replace").replace("\r", "") + (message or "")


TYPED = ((b"type\n", b"helo\x7flo\r"), (b"[hello\n]\n", b"gone\x03two\n\x04"))
SHOWN = "type\n", "helo\b \blo\n", "[hello\n]\n", "^Ctwo\n", "[two\n]\n", "[]\n"


def flood(count):
    """More than the terminal keeps: what it has no room for waits in the port."""
    return ((b"type\n", bytes(ord("a") + i % 26 for i in range(count))),)


CASES = [  # name, machine, whether by the driver, what the program does, what is typed when, what is shown
    ("typed/console", "virt", False, ("typed",), TYPED, SHOWN),
    ("typed/16550", "virt", True, ("typed",), TYPED, SHOWN),
    ("typed/sifive", "sifive_u", True, ("typed",), TYPED, SHOWN),
    ("flood/16550", "virt", True, ("flood", "65536"), flood(65536), ("65536 bytes\n",)),
    ("flood/sifive", "sifive_u", True, ("flood", "5000"), flood(5000), ("5000 bytes\n",)),
]


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "debug"
    failed = 0
    for name, machine, by_driver, words, typed, wanted in CASES:
        status, text = Typist(build, machine, MANIFEST.format(devices=" devices" if by_driver else "")).run(words, typed)
        if status == 0 and all(part in text for part in wanted):
            print(f"pass {name}", flush=True)
        else:
            failed += 1
            print(f"FAIL {name}: status {status}, expected 0 and {wanted}\n{text!r}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
