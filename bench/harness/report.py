"""The Markdown report."""

import pathlib

from harness.results import Results, cell, markdown
from harness.runtime import BATCHES
from harness.start import LENGTHS

API, TORCH, SPAWN, CEILING = ("Forebay, C++ API", "PyTorch DataLoader, fork", "PyTorch DataLoader, spawn",
                              "ceiling: decode only")


def _bar(name: str, value: float | None, bar: float, form: str, at_most: bool = False) -> list[str]:
    if value is None:
        return [name, "–", f"{'≤' if at_most else '≥'} {bar:{form}}", "not measured"]
    met = value <= bar if at_most else value >= bar
    return [name, f"{value:{form}}", f"{'≤' if at_most else '≥'} {bar:{form}}", "yes" if met else "**no**"]


def _bars(results: Results) -> str:
    long = f"first_batch_s of {LENGTHS[1]}"
    short_s, long_s = (results.median("start", API, f"first_batch_s of {length}") for length in LENGTHS)
    later_ms = None if short_s is None or long_s is None else (long_s - short_s) * 1000
    runtime = [results.median("runtime", f"batches of {batch}", "items_per_s") for batch in BATCHES]
    rows = [
        _bar("pictures/s against DataLoader (steady)", results.ratio("images", "steady_per_s", API, TORCH), 4, ".2f"),
        _bar("pictures/s against the ceiling", results.ratio("images", "steady_per_s", API, CEILING), 0.75, ".2f"),
        _bar("first batch of 1.2 M entries against DataLoader, spawn",
             results.ratio("start", long, SPAWN, API), 50, ".0f"),
        _bar("first batch of 1.2 M entries later than of 1,000 (ms)", later_ms, 50, ".1f", at_most=True),
        _bar("memory (PSS) against DataLoader", results.ratio("memory", "pss_bytes", API, TORCH), 0.25, ".2f", True),
        _bar("items/s of 1 KiB, nothing to do", min((value for value in runtime if value), default=None),
             200_000, ",.0f"),
    ]
    return markdown(["what", "measured", "bar", "met"], rows)


def write_report(results: Results, machine: list[str], method: list[str], path: pathlib.Path) -> None:
    images = [[name, cell(results, "images", name, "steady_per_s", ",.0f"),
               cell(results, "images", name, "whole_per_s", ",.0f"),
               cell(results, "images", name, "first_batch_s", ",.0f", 1000)]
              for name in results.contenders("images", "steady_per_s")]
    memory = [[name, cell(results, "memory", name, "pss_bytes", ",.0f", 2**-20)]
              for name in results.contenders("memory", "pss_bytes")]
    start = [[name, *(cell(results, "start", name, f"first_batch_s of {length}", ",.0f", 1000) for length in LENGTHS)]
             for name in results.contenders("start", f"first_batch_s of {LENGTHS[1]}")]
    runtime = [[f"batches of {batch}", cell(results, "runtime", f"batches of {batch}", "items_per_s", ",.0f")]
               for batch in BATCHES]
    parts = [
        "# Benchmark\n", "".join(f"- {line}\n" for line in [*machine, *method]),
        "Every cell is the median of the repetitions, with the lowest and the highest.\n",
        "## Against the bars\n", _bars(results),
        "## Photos to batches\n",
        markdown(["contender", "pictures/s, steady", "pictures/s, whole run", "first batch, ms"], images),
        "## Memory: peak of the sum of PSS over all processes, MiB\n", markdown(["contender", "MiB"], memory),
        "## Time to the first batch of a list, ms\n",
        markdown(["contender", *(f"{length:,} entries" for length in LENGTHS)], start),
        "## The runtime itself: items of 1 KiB per second\n", markdown(["", "items/s"], runtime),
    ]
    if results.notes:
        parts += ["## Notes\n", "".join(f"- {note}\n" for note in results.notes)]
    path.write_text("\n".join(parts), encoding="utf-8")
