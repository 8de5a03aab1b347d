"""The forebay command as its tests see it: run it, read what it wrote, watch its processes."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

COMMAND = os.environ["FOREBAY_COMMAND"]
PHOTOS = pathlib.Path(os.environ["FOREBAY_SHARED_DIR"]) / "photos"
PATIENCE_S = 60  # a bound, not an expectation
SMALL = ["--resize", "64", "--crop", "64", "--dtype", "u8"]  # rows of 12 kB: a run that is not ended fills no disk

try:
    import numpy
    import PIL.Image
except ImportError as missing:  # said loudly: ctest reports the test as skipped
    print(f"SKIPPED: {missing}; install python3-numpy and python3-pil")
    sys.exit(77)


def forebay(*words, cwd=None, env=None, open_files=None):
    """Runs the command to its end, with so few descriptors if that is given."""
    limit = open_files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files)))
    return subprocess.run([COMMAND, *map(str, words)], cwd=cwd, env=env, capture_output=True, text=True,
                          timeout=PATIENCE_S, stdin=subprocess.DEVNULL, preexec_fn=limit)


def start(*words, **popen):
    """Starts the command; the caller ends it (see CommandTest.start)."""
    return subprocess.Popen([COMMAND, *map(str, words)], **{"stdin": subprocess.DEVNULL, **popen})


def items_of(folder):
    with open(folder / "items.jsonl", encoding="utf-8", errors="strict") as lines:
        return [json.loads(line) for line in lines]


def items_of_partial(folder):
    """The whole lines of a file that is still being written, or whose writer was killed."""
    text = (folder / "items.jsonl").read_bytes()
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def has_items(folder):
    """A run into this folder has written its first line."""
    return (folder / "items.jsonl").exists() and len(items_of_partial(folder)) > 0


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def tensors_of(folder):
    return numpy.load(folder / "tensors.npy", mmap_mode="r")


def children_of(pid):
    """Pids of the direct children of a process, by all of its threads."""
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += [int(child) for child in task.read_text().split()]
        except OSError:
            pass  # the thread has just ended
    return children


def is_alive(pid):
    try:
        return "(zombie)" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def state_of(pid):
    """The letter of proc(5), T for stopped; empty for a process that is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_waiting_to_write(pid):
    """The process sleeps in a write to a pipe that is full."""
    try:
        return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[1:2] == ["0x1"]
    except OSError:
        return False


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.005)  # polls the outside world, which has no event for this


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="forebay-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = self.folder / "out"

    def start(self, *words, **popen):
        process = start(*words, **popen)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=PATIENCE_S)

        self.addCleanup(end)
        return process

    def write_picture(self, name, size=(40, 30), colour=(200, 100, 50)):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", size, colour).save(path)
        return path

    def long_list(self, entries=200_000, size=(320, 240)):
        """A list that keeps a run busy for as long as a test needs: one picture, many times."""
        picture = self.write_picture("busy.jpg", size)
        path = self.folder / "long.txt"
        path.write_text(f"{picture}\n" * entries)
        return f"@{path}"

    def assert_done(self, result, code=0):
        self.assertEqual(result.returncode, code, f"stdout: {result.stdout}\nstderr: {result.stderr}")
        return result

    def assert_one_line(self, result, code, *parts):
        """The command failed with one line on stderr, nothing on stdout."""
        self.assert_done(result, code)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("forebay: "), lines[0])
        for part in parts:
            self.assertIn(part, lines[0])


def needs_photos(test):
    return unittest.skipUnless(PHOTOS.is_dir(), f"{PHOTOS} is absent: nothing to compare with")(test)


def main():
    unittest.main(verbosity=2)
