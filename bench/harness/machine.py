"""What the numbers were measured on, in one line each."""

import os
import pathlib
import platform
import subprocess


def _first(path: str, key: str) -> str:
    try:
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def describe(root: pathlib.Path, pythons: dict[str, str]) -> list[str]:
    """`pythons`: name -> interpreter of the peers."""
    cores = len(os.sched_getaffinity(0))
    memory_gib = int(_first("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    load = os.getloadavg()[0]
    lines = [f"{_first('/proc/cpuinfo', 'model name')}, {cores} usable cores, {memory_gib:.0f} GiB; "
             f"Linux {platform.release()}; load {load:.2f} before the first run"]
    commit = _output("git", "-C", str(root), "rev-parse", "--short", "HEAD")
    dirty = "" if not _output("git", "-C", str(root), "status", "--porcelain") else " with local changes"
    lines.append(f"Forebay {commit or 'without git'}{dirty}, {_output('g++', '--version').splitlines()[0]}, Release")
    for name, python in pythons.items():
        versions = _output(python, "-c",
                           "import platform, importlib.metadata as m\n"
                           "names = ['torch', 'torchvision', 'Pillow', 'numpy', 'nvidia-dali-cuda130', 'spdl', 'loky']\n"
                           "def v(n):\n"
                           "  try: return n + ' ' + m.version(n)\n"
                           "  except m.PackageNotFoundError: return ''\n"
                           "print('Python', platform.python_version(), *filter(None, map(v, names)), sep=', ')")
        lines.append(f"{name}: {versions or 'not there'}")
    return lines
