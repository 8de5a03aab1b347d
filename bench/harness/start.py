"""Time to the first batch over a long list, and what a worker then holds."""

import pathlib
from collections.abc import Callable

from harness.processes import Failed, run_json
from harness.results import Results

LENGTHS = (1_000, 1_200_000)


def write_lists(work: pathlib.Path, photos: pathlib.Path) -> dict[int, pathlib.Path]:
    """Lists of the photos' paths, repeated to each length."""
    paths = sorted(str(path) for path in photos.rglob("*.jpg"))
    lists = {}
    for length in LENGTHS:
        lists[length] = work / f"list_{length}.txt"
        with lists[length].open("w", encoding="utf-8") as out:
            out.writelines(paths[i % len(paths)] + "\n" for i in range(length))
    return lists


def measure_start(root: pathlib.Path, build: pathlib.Path, python: str, workers: int, lists: dict[int, pathlib.Path],
                  results: Results, repetitions: int, say: Callable[[str], None]) -> None:
    torch = [python, str(root / "bench/start/torch_start.py")]
    for repetition in range(repetitions):
        for length, path in lists.items():
            contenders = {
                "Forebay, C++ API": [str(build / "bench/bin/forebay_consumer"), f"@{path}", "--first"],
                "PyTorch DataLoader, spawn": [*torch, str(path)],
                "PyTorch DataLoader, fork": [*torch, str(path), "--start-method", "fork"],
            }
            for name, command in contenders.items():
                say(f"start {repetition + 1}/{repetitions}: {name}, {length:,} entries")
                try:
                    result = run_json([*command, "--workers", str(workers)], root)
                except Failed as error:
                    results.notes.append(f"{name} with {length:,} entries was left out: {error}")
                    continue
                results.add("start", name, f"first_batch_s of {length}", result["first_batch_s"])
                if "worker_rss_bytes" in result:
                    results.add("start", name, f"worker_rss_bytes of {length}", result["worker_rss_bytes"])
