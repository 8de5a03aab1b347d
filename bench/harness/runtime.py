"""The cost of the runtime itself: items of 1 KiB whose stage does nothing."""

import pathlib
from collections.abc import Callable

from harness.processes import run_json
from harness.results import Results

COUNT = 1_000_000
BATCHES = (64, 1024)


def measure_runtime(root: pathlib.Path, build: pathlib.Path, workers: int, results: Results, repetitions: int,
                    say: Callable[[str], None]) -> None:
    program = str(build / "bench/bin/null_items")
    for repetition in range(repetitions):
        for batch in BATCHES:
            say(f"runtime {repetition + 1}/{repetitions}: batches of {batch}")
            result = run_json([program, str(COUNT), str(batch), str(workers)], root)
            results.add("runtime", f"batches of {batch}", "items_per_s", result["items_per_s"])
