"""Runs that are killed at random and resumed: the files must be those of an undisturbed run, and nothing that is done
may be opened again. --runs N (default 200) kills; prints a report. Exit code 1 where anything was wrong."""

import argparse
import ctypes
import os
import pathlib
import random
import shutil
import signal
import struct
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).parents[2]
os.environ.setdefault("FOREBAY_COMMAND", str(REPOSITORY / "build/release/bin/forebay"))
os.environ.setdefault("FOREBAY_SHARED_DIR", str(REPOSITORY.parent / "shared"))

import compared_runs as compared  # noqa: E402 (needs the variables)
import forebay_command as fc  # noqa: E402
import PIL.Image  # noqa: E402

COUNT = 700
WAYS = (["--order", "index"], ["--order", "completion"], ["--order", "index", "--durable"],
        ["--order", "completion", "--durable"], ["--placement", "owner", "--device", "cpu"],
        ["--placement", "owner", "--device", "cpu", "--order", "completion"])


class Opens:
    """Counts who is opened in a folder (inotify)."""

    IN_OPEN, IN_NONBLOCK = 0x20, 0o4000

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(self.IN_NONBLOCK)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(folder), self.IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def take(self):
        """Names since the last call; one that is opened twice in a row may count once."""
        names = []
        while True:
            try:
                data = os.read(self.fd, 1 << 20)
            except BlockingIOError:
                return names
            at = 0
            while at < len(data):
                length = struct.unpack_from("iIII", data, at)[3]
                name = data[at + 16: at + 16 + length].rstrip(b"\0")
                if name:
                    names.append(int(name[:-4]))
                at += 16 + length


def make_pictures(folder):
    folder.mkdir()
    for number in range(COUNT):
        path = folder / f"{number:04}.png"
        PIL.Image.effect_noise((90, 70), 30 + number % 90).convert("RGB").save(path, compress_level=1)
        if number % 97 == 5:
            path.write_bytes(path.read_bytes()[:300])


def done_of(out):
    """Positions that the log counts, by its last whole record: those below its watermark, and how many in all."""
    try:
        log = (out / "commit.log").read_bytes()
    except FileNotFoundError:
        return 0
    frames = compared.frames_of(log)
    ends = [at + 20 + int.from_bytes(log[at + 4: at + 8], "little") for at in frames]
    whole = [at for at, end in zip(frames, ends) if end <= len(log)][1:]
    # A record begins with its kind (1 byte), the session (4) and the items that are done (8).
    return int.from_bytes(log[whole[-1] + 13: whole[-1] + 21], "little") if whole else 0


class Soak:
    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.pictures = folder / "pictures"
        make_pictures(self.pictures)
        self.calm = folder / "calm"
        begin = time.monotonic()
        fc.forebay(*self.words(self.calm, []), "--workers", 2).check_returncode()
        self.calm_s = time.monotonic() - begin
        self.opens = Opens(self.pictures)
        self.totals = dict.fromkeys(("kills", "stops", "runs", "sessions", "again", "again_most", "wrong"), 0)

    def words(self, out, way):
        return ["run", self.pictures, "--out", out, *fc.SMALL, "--quiet", "--resume", *way]

    def session(self, out, way, last):
        """One process; true if it came to the end of the run."""
        words = [*self.words(out, way), "--workers", self.random.randint(1, 3), "--batch", self.random.choice((4, 16, 64))]
        done = done_of(out)
        process = fc.start(*words, stderr=-1, stdout=-1)
        try:
            if not last:
                time.sleep(self.random.uniform(0, self.calm_s))
                number = signal.SIGKILL if self.random.random() < 0.85 else signal.SIGINT
                process.send_signal(number)
            _, stderr = process.communicate(timeout=fc.PATIENCE_S)
        except BaseException:
            process.kill()
            raise
        self.totals["sessions"] += 1
        opened = set(self.opens.take())
        if "completion" not in way:
            again = [number for number in opened if number < done]
            if again:
                self.fail(way, f"{len(again)} of {done} items that were done are opened again")
        if process.returncode == 0:
            return True, opened
        if process.returncode == -signal.SIGKILL:
            self.totals["kills"] += 1
        elif process.returncode in (130, -signal.SIGINT):  # the latter: before it listened
            self.totals["stops"] += 1
        else:
            self.fail(way, f"exit code {process.returncode}: {stderr.decode()}")
        # What was opened and is not done will be opened again.
        again = max(len(opened) - (done_of(out) - done), 0)
        self.totals["again"] += again
        self.totals["again_most"] = max(self.totals["again_most"], again)
        return False, opened

    def fail(self, way, text):
        self.totals["wrong"] += 1
        print(f"WRONG: {' '.join(way)}: {text}", file=sys.stderr)

    def run(self, number):
        way = WAYS[number % len(WAYS)]
        out = self.folder / "out"
        self.opens.take()
        for session in range(12):
            ended, _ = self.session(out, way, last=session == 11)
            if ended:
                break
        wrong = compared.difference(self.calm, out, "completion" in way)
        if wrong:
            self.fail(way, wrong)
        self.totals["runs"] += 1
        shutil.rmtree(out)

    def report(self, seconds):
        t = self.totals
        ends = max(t["kills"] + t["stops"], 1)
        print(f"{t['kills']} kills and {t['stops']} Ctrl+C at random in {t['runs']} runs of {COUNT} items, "
              f"{t['sessions']} sessions, {seconds:.0f} s\n"
              f"opened again after a session's end: {t['again'] / ends:.1f} items on average, {t['again_most']} at most; "
              f"of items that were done: none but what is listed as wrong\n"
              f"runs that differ from an undisturbed one, or other faults: {t['wrong']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="kills, at least")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="forebay-soak-"))
    begin = time.monotonic()
    try:
        soak = Soak(folder, arguments.seed)
        number = 0
        while soak.totals["kills"] < arguments.runs:
            soak.run(number)
            number += 1
        soak.report(time.monotonic() - begin)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if soak.totals["wrong"] else 0)


if __name__ == "__main__":
    main()
