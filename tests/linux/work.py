# SPDX-License-Identifier: MIT
"""Python at work: processes, threads, files."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

# Files and folders, there and back through JSON.
FOLDER = "/tmp/python"
for number in range(20):
    os.makedirs(f"{FOLDER}/{number % 4}/{number % 3}", exist_ok=True)
    with open(f"{FOLDER}/{number % 4}/{number % 3}/{number}", "w", encoding="ascii") as file:
        file.write("x" * number)
sizes = {name: os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(FOLDER) for name in names}
with open(f"{FOLDER}/sizes", "w", encoding="ascii") as file:
    json.dump(sizes, file, sort_keys=True)
with open(f"{FOLDER}/sizes", encoding="ascii") as file:
    assert json.load(file) == {str(number): number for number in range(20)}
for at, folders, names in os.walk(FOLDER, topdown=False):
    for name in names:
        os.unlink(os.path.join(at, name))
    os.rmdir(at)
assert not os.path.exists(FOLDER)

# Processes.
assert subprocess.run(["busybox", "tr", "a-z", "A-Z"], input="hello", capture_output=True, text=True, check=True).stdout == "HELLO"
assert subprocess.run("exit 3", shell=True, check=False).returncode == 3
assert subprocess.run(["sleep", "10"], check=False, timeout=None, preexec_fn=lambda: signal.alarm(1)).returncode == -signal.SIGALRM
try:
    subprocess.run(["sleep", "10"], check=False, timeout=0.05)
    assert False
except subprocess.TimeoutExpired:
    pass
with subprocess.Popen([sys.executable, "-c", "print(input() * 2)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
    assert child.communicate(b"ab\n")[0] == b"abab\n"
pid = os.fork()
if pid == 0:
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7

# Threads.
found, lock, start = [], threading.Lock(), threading.Barrier(5)


def collect(number):
    start.wait()
    for value in range(100):
        with lock:
            found.append(number * 100 + value)


threads = [threading.Thread(target=collect, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
start.wait()
for thread in threads:
    thread.join()
assert sorted(found) == list(range(400))
event = threading.Event()
threading.Timer(0.02, event.set).start()
assert event.wait(10)

# Signals and time.
told = []
signal.signal(signal.SIGUSR1, lambda number, frame: told.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
before = time.monotonic()
time.sleep(0.01)
assert told == [signal.SIGUSR1] and time.monotonic() - before >= 0.01
print("python: good")
