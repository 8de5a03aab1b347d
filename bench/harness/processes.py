"""Starts a contender, reads its line of JSON, and sums the memory of all its processes."""

import json
import pathlib
import subprocess
import threading
import time

TIMEOUT_S = 900


class Failed(Exception):
    """A contender that could not run; its message is one line."""


def run_json(command: list[str], cwd: pathlib.Path) -> dict:
    """Runs `command` to its end and returns the JSON of its last line."""
    return _finish(_start(command, cwd), command)


def run_with_memory(command: list[str], cwd: pathlib.Path, every_s: float = 0.02) -> tuple[dict, int]:
    """Also the peak, over the run, of the sum of PSS of the process and all its descendants, in bytes.

    Sampling costs time: never take a speed from such a run.
    """
    process = _start(command, cwd)
    peak = 0
    done = threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, sum(pss_bytes(pid) for pid in tree_of(process.pid)))
            time.sleep(every_s)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        result = _finish(process, command)
    finally:
        done.set()
        sampler.join()
    return result, peak


def tree_of(root: int) -> list[int]:
    """`root` and its descendants that run now."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue  # it ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, []))
    return tree


def pss_bytes(pid: int) -> int:
    """Private memory plus the process's share of what is shared; 0 where it ended meanwhile."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def _start(command: list[str], cwd: pathlib.Path) -> subprocess.Popen:
    try:
        return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise Failed(f"cannot start {command[0]}: {error}") from error


def _finish(process: subprocess.Popen, command: list[str]) -> dict:
    try:
        output, errors = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise Failed(f"{command[0]} took more than {TIMEOUT_S} s") from error
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if process.returncode != 0 or not lines:
        reason = (errors.strip().splitlines() or ["it printed no result"])[-1]
        raise Failed(f"{' '.join(command[:2])} ended with {process.returncode}: {reason}")
    return json.loads(lines[-1])
