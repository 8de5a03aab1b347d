"""What a run needs before it measures: a release build, and a Python that has the peers."""

import os
import pathlib
import subprocess
import sys


def say(line: str) -> None:
    print(f"bench: {line}", flush=True)


def must(root: pathlib.Path, *command: str) -> None:
    """Runs a command of the set-up in `root`; one that fails ends the run with exit code 3."""
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(done.stdout[-4000:], file=sys.stderr)
        print(f"{sys.argv[0]}: failed ({done.returncode}): {' '.join(command)}", file=sys.stderr)
        sys.exit(3)


def build_release(root: pathlib.Path, options: tuple[str, ...], targets: tuple[str, ...]) -> pathlib.Path:
    say("building a release")
    must(root, "cmake", "--preset", "release", "-DFOREBAY_DEVELOP=ON", *options)
    must(root, "cmake", "--build", "--preset", "release", "-j", str(os.cpu_count()), "--target", *targets)
    return root / "build/release"


def virtual_python(python: str, folder: pathlib.Path, packages: tuple[str, ...]) -> tuple[str, set[str]]:
    """A virtual environment on top of `python` with packages from PyPI: its interpreter, and which it has not."""
    interpreter = folder / "bin/python"
    if not interpreter.exists():
        say("making a virtual environment")
        done = subprocess.run([python, "-m", "venv", "--system-site-packages", str(folder)], capture_output=True, text=True)
        if done.returncode != 0:
            say(f"no virtual environment: {((done.stderr or done.stdout).strip().splitlines() or ['no reason'])[-1]}")
            return python, set(packages)
    missing = set()
    for package in packages:
        done = subprocess.run([interpreter, "-m", "pip", "install", "-q", package], capture_output=True, text=True)
        if done.returncode != 0:
            say(f"{package} cannot be installed: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
            missing.add(package)
    return str(interpreter), missing
