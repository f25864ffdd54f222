# SPDX-License-Identifier: MIT
"""What comes out of the emulated machine's console, taken apart.

The protocol when Winkle boots to run one program: first what firmware and kernel say; then init prints the line
`\\001winkle:begin`; then the program's output; then `\\001winkle:exit N` with its status, or `\\001winkle:crash TEXT`
if it died by a fault, each up to the end of its line, wherever on a line it starts. Before that may stand lines
`\\001winkle:longest NUMBER INSTRUCTIONS`: how long an operation took at most, as the kernel's meters saw it. A kernel panic is a line that
starts with `panic:` and what follows it, with no exit marker after.

The firmware sends CR LF for each LF; that is undone here, so that output arrives as the program wrote it.
"""

BEGIN = b"\001winkle:begin\n"
EXIT = b"\001winkle:exit "
CRASH = b"\001winkle:crash "
LONGEST = b"\001winkle:longest "
MARKERS = (EXIT, CRASH, LONGEST)
PANIC = b"panic:"
KEPT_BYTES = 64 * 1024  # of what was printed before the program, for diagnosis


def partial_suffix(data, markers):
    """The length of the longest end of `data` that may be the start of one of the markers."""
    longest = max(len(marker) for marker in markers) - 1
    for length in range(min(longest, len(data)), 0, -1):
        if any(marker.startswith(data[-length:]) for marker in markers):
            return length
    return 0


class NewlineFilter:
    """Removes the CR that the firmware sent before each LF, in pieces of any size."""

    def __init__(self):
        self.held = b""

    def feed(self, data):
        data = self.held + data
        self.held = b"\r" if data.endswith(b"\r") else b""
        return data[:len(data) - len(self.held)].replace(b"\r\n", b"\n")


class CommandConsole:
    """Takes the console's bytes as they come; passes on the program's output at once, by `write`.

    At the end `status`, `crash` and `panic` say what became of it; at most one of them is not None.
    """

    def __init__(self, write):
        self.write = write
        self.newlines = NewlineFilter()
        self.before = b""       # what was printed before the program
        self.pending = b""      # not yet passed on: perhaps the start of a marker, or a panic
        self.begun = False
        self.line_start = True  # pending starts at the start of a line
        self.status = None
        self.crash = None
        self.panic = None
        self.longest = {}       # instructions by operation number

    @property
    def ended(self):
        return self.status is not None or self.crash is not None

    def feed(self, data):
        self.pending += self.newlines.feed(data)
        if not self.begun:
            self._feed_before()
        if self.begun and not self.ended:
            self._feed_program()

    def _feed_before(self):
        self.before += self.pending
        self.pending = b""
        head, marker, rest = self.before.partition(BEGIN)
        if marker:
            self.begun, self.before, self.pending = True, head, rest
        else:
            self.before = self.before[-KEPT_BYTES:]

    def _feed_program(self):
        found = [(at, marker) for marker in MARKERS if (at := self.pending.find(marker)) >= 0]
        if found:
            at, marker = min(found)
            text, newline, rest = self.pending[at + len(marker):].partition(b"\n")
            if not newline:
                return
            self._pass_on(at)
            if marker == LONGEST:
                self._take_longest(text)
                self.pending = rest
                self._feed_program()
            elif marker == EXIT and text.isdigit() and int(text) < 256:
                self.status = int(text)
            else:
                self.crash = text.decode(errors="replace")
            return
        # A line that starts like a panic is held until an exit marker shows that the program wrote it.
        held = self._panic_start()
        if held is None:
            held = len(self.pending) - partial_suffix(self.pending, MARKERS)
        self._pass_on(held)

    def _take_longest(self, text):
        words = text.split()
        if len(words) == 2 and all(word.isdigit() for word in words):
            self.longest[int(words[0])] = int(words[1])

    def _panic_start(self):
        if self.line_start and (self.pending.startswith(PANIC) or PANIC.startswith(self.pending)):
            return 0
        at = self.pending.find(b"\n" + PANIC)
        if at < 0:
            length = partial_suffix(self.pending, (b"\n" + PANIC,))
            at = len(self.pending) - length if length > 1 else -1
        return at + 1 if at >= 0 else None

    def _pass_on(self, length):
        if length:
            self.write(self.pending[:length])
            self.line_start = self.pending[length - 1:length] == b"\n"
            self.pending = self.pending[length:]

    def panicking(self):
        """Whether what came last may be a panic: no more output is to be expected then."""
        return not self.ended and (self.pending if self.begun else self.before).find(PANIC) >= 0

    def finish(self):
        """The machine has stopped. Sorts out what was held back."""
        if self.ended:
            return
        text = self.pending if self.begun else self.before
        start = 0 if text.startswith(PANIC) else text.find(b"\n" + PANIC) + 1
        if text[start:].startswith(PANIC):
            self.panic = text[start:]
        else:
            self._pass_on(len(self.pending))
