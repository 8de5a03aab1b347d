"""Checks a Promela model with Spin, and that the model speaks of the code as it is.

  model_test.py check --model docs/model/X.pml [--defines "A=1 B"] [--expect clean|broken] [--loops]
  model_test.py names --model docs/model/X.pml --code FILE [--enum NAME=PREFIX ...] [--points GROUP ...]

check: every reachable state is looked at, within bounds of memory and time; a search that was cut short is a failure,
whatever it found. --expect broken: the model has a mistake, switched on by a define, that the search must find.
--loops: also that nobody can go round for ever without progress.
names: the enumerators of an enum and the crash points of a group occur in the model, and the model has no others.
Exit: 0 as expected, 1 not, 2 usage, 77 where Spin is missing (a skip).
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MIB = 3000      # of one search; what does not fit is a failure
DEPTH = 1_000_000      # steps of the longest run; reaching it is a failure
SECONDS = 280          # of one search, on a loaded machine too
EXIT_SKIP = 77

# What pan prints where its search was no whole one.
CUT_SHORT = ("max search depth too small", "out of memory", "reached -DMEMLIM", "hash table is full", "VECTORSZ",
             "too many", "aborting")


def search(model: Path, defines: list[str], loops: bool) -> str:
    """What Spin says about the model."""
    with tempfile.TemporaryDirectory() as folder:
        words = [f"-D{define}" for define in (*defines, *(["LOOPS"] if loops else []))]
        subprocess.run(["spin", "-a", *words, model], cwd=folder, check=True, timeout=60)
        # Reduction by order is off: a process can be killed at each of its steps, so no step is nobody else's business.
        flags = ["-DNP", "-DNOFAIR"] if loops else ["-DSAFETY"]
        subprocess.run(["gcc", "-O2", "-w", "-DNOREDUCE", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MIB}", *flags, "-o", "pan",
                        "pan.c"], cwd=folder, check=True, timeout=120)
        run = subprocess.run(["./pan", f"-m{DEPTH}", "-w22", *(["-l"] if loops else [])], cwd=folder, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
        return run.stdout


def verdict(text: str) -> str:
    """clean, broken, or why the search says nothing."""
    errors = re.search(r"errors: (\d+)", text)
    short = [words for words in CUT_SHORT if words in text]
    if short or not errors:
        return f"no whole search: {', '.join(short) or 'no result'}"
    if int(errors.group(1)) > 0:
        return "broken"
    return "no whole search" if "Search not completed" in text else "clean"


def figures(text: str) -> str:
    """The lines of Spin's report that tell how much was searched, and what was found."""
    wanted = r"^pan:\d+: .*|.*State-vector.*|.*states, stored.*|.*transitions \(.*|.*total actual memory.*|pan: elapsed.*"
    return "\n".join(line for line in text.splitlines() if re.match(wanted, line) and not line.startswith("Depth"))


def check(arguments: argparse.Namespace) -> int:
    if not shutil.which("spin") or not shutil.which("gcc"):
        print("skipped: no spin (Debian's package spin; scripts/setup test installs it) or no gcc")
        return EXIT_SKIP
    text = search(arguments.model.resolve(), arguments.defines.split(), arguments.loops)
    found = verdict(text)
    print(f"{arguments.model.name} {arguments.defines}: {found}, {arguments.expect} was expected\n{figures(text)}")
    return 0 if found == arguments.expect else 1


def words_of(text: str) -> set[str]:
    """The words of a model outside of its comments."""
    return set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)))


def names(arguments: argparse.Namespace) -> int:
    model = words_of(arguments.model.read_text())
    code = arguments.code.read_text()
    wrong = []

    def compare(prefix: str, wanted: set[str]) -> None:
        if not wanted:
            wrong.append(f"the code has no names for {prefix}")
        wrong.extend(f"{prefix}{name} is missing in the model" for name in wanted if prefix + name not in model)
        there = {word.removeprefix(prefix) for word in model if word.startswith(prefix)}
        wrong.extend(f"{prefix}{name} of the model is not in the code" for name in there - wanted)

    for entry in arguments.enum:
        name, prefix = entry.split("=")
        body = re.search(rf"enum class {name}\b[^{{]*{{([^}}]*)}}", code)
        compare(prefix, set(re.findall(r"\w+", re.sub(r"///?.*", "", body.group(1)))) if body else set())
    points = (ROOT / "host/process/crash_point.h").read_text()
    for group in arguments.points:
        compare(f"{group}_", set(re.findall(rf'"{group}\.([\w.]+)"', points)))
    print("\n".join(wrong) or "the model and the code have the same names")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("check")
    one.add_argument("--model", type=Path, required=True)
    one.add_argument("--defines", default="", help="for the model, separated by blanks")
    one.add_argument("--expect", choices=("clean", "broken"), default="clean")
    one.add_argument("--loops", action="store_true", help="also look for loops without progress")
    one.set_defaults(run=check)
    two = commands.add_parser("names")
    two.add_argument("--model", type=Path, required=True)
    two.add_argument("--code", type=Path, required=True)
    two.add_argument("--enum", action="append", default=[])
    two.add_argument("--points", action="append", default=[])
    two.set_defaults(run=names)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
