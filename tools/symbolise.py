#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Names the addresses of a kernel backtrace: a line `  at 0xADDRESS` gets the function, file and line appended.

usage: tools/symbolise.py KERNEL.elf < console-log
"""
import re
import subprocess
import sys

BACKTRACE_LINE = re.compile(rb"  at (0x[0-9a-fA-F]+)$")
ADDR2LINE = "riscv64-linux-gnu-addr2line"


class Symboliser:
    def __init__(self, elf):
        self.elf = str(elf)

    def suffix(self, line):
        """What to append to a console line (bytes, without its end): nothing, unless it is a backtrace line."""
        match = BACKTRACE_LINE.match(line)
        if not match:
            return b""
        try:
            answer = subprocess.run(
                [ADDR2LINE, "-f", "-i", "-s", "-e", self.elf, match[1].decode()],
                capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")
        except (OSError, subprocess.SubprocessError):
            return b""
        frames = [f"{function} ({place.split(' (')[0]})" for function, place in zip(answer[::2], answer[1::2])
                  if function != "??"]
        return (" " + ", inlined in ".join(frames)).encode() if frames else b""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    symboliser = Symboliser(sys.argv[1])
    for line in sys.stdin.buffer:
        text = line.rstrip(b"\r\n")
        sys.stdout.buffer.write(text + symboliser.suffix(text) + b"\n")


if __name__ == "__main__":
    main()
