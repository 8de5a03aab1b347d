"""The Markdown report of bench/host/run."""

import pathlib
import statistics

from harness import host
from harness.results import Results, cell, markdown

TABLES = (
    ("pool.map of an empty task: µs a task", "pool.map",
     (("chunk_1_us", "chunk size 1", ".2f"), ("chunk_default_us", "default chunks", ".4f"))),
    ("Executor, an empty task: µs a task", "executor",
     (("burst_us", "many submits, then their results", ".2f"), ("round_trip_us", "one by one", ".1f"))),
    ("Start and join of an empty process: ms", "process", (("start_join_ms", "ms", ".2f"),)),
    ("Death of a worker to its future failed: ms", "death",
     (("death_p50_ms", "median", ".2f"), ("death_p99_ms", "p99", ".2f"), ("death_max_ms", "longest", ".2f"))),
)


def _bar(name: str, values: list[float], bar: float, at_most: bool, unit: str) -> list[str]:
    sign = "≤" if at_most else "≥"
    limit = f"{sign} {bar:g}{unit}"
    if not values:
        return [name, "–", limit, "not measured"]
    median = statistics.median(values)
    form = ".1f" if median >= 10 else ".2f"
    holds = median <= bar if at_most else median >= bar
    return [name, f"{median:{form}}{unit} ({min(values):{form}}–{max(values):{form}})", limit, "yes" if holds else "**no**"]


def _bars(results: Results, idle_s: float) -> str:
    def ratio(topic: str, metric: str, above: str, below: str) -> list[float]:
        return results.ratios((topic, above, metric), (topic, below, metric))

    def start(above: str, below: str) -> list[float]:
        return ratio("process", "start_join_ms", above, below)

    def forebay(topic: str, metric: str) -> list[float]:
        return results.values.get((topic, host.FOREBAY, metric), [])

    pool, futures = host.MULTIPROCESSING, host.FUTURES
    rows = (
        ("pool.map of an empty task, chunk size 1, against CPython", ratio("pool.map", "chunk_1_us", pool, host.FOREBAY),
         10, False, "×"),
        ("the same, default chunks", ratio("pool.map", "chunk_default_us", pool, host.FOREBAY), 3, False, "×"),
        ("executor: many submits, then their results, against CPython",
         ratio("executor", "burst_us", futures, host.FOREBAY), 20, False, "×"),
        ("executor: one submit and its result after another, against CPython",
         ratio("executor", "round_trip_us", futures, host.FOREBAY), 4, False, "×"),
        ("start and join, spawn: of posix_spawn of the same program", start(host.FOREBAY_SPAWN, host.LIMIT_ITSELF),
         2.5, True, "×"),
        ("start and join, forkserver: of spawn", start(host.FOREBAY_FORKSERVER, host.FOREBAY_SPAWN), 0.6, True, "×"),
        ("start and join, spawn: faster than CPython's", start(host.PYTHON_SPAWN, host.FOREBAY_SPAWN), 10, False, "×"),
        ("start and join, forkserver: faster than CPython's", start(host.PYTHON_FORKSERVER, host.FOREBAY_FORKSERVER),
         10, False, "×"),
        ("death of a worker to its future failed, p99", forebay("death", "death_p99_ms"), 10, True, " ms"),
        (f"CPU time of an idle pool in {idle_s:g} s", forebay("idle", "idle_cpu_ms"), 1, True, " ms"),
    )
    return markdown(["what", "measured", "bar", "holds"], [_bar(*row) for row in rows])


def write_host_report(results: Results, lines: list[str], idle_s: float, path: pathlib.Path) -> None:
    parts = ["# Pools, executors and processes beside Python's\n", "".join(f"- {line}\n" for line in lines),
             "Every cell is the median of the repetitions, with the lowest and the highest; a ratio is taken within each "
             "repetition first.\n",
             "## Against the bars\n", _bars(results, idle_s)]
    for title, topic, columns in TABLES:
        contenders = dict.fromkeys(name for metric, _, _ in columns for name in results.contenders(topic, metric))
        rows = [[name, *(cell(results, topic, name, metric, form) for metric, _, form in columns)] for name in contenders]
        parts += [f"## {title}\n", markdown(["contender", *(column for _, column, _ in columns)], rows)]
    if results.notes:
        parts += ["## Notes\n", "".join(f"- {note}\n" for note in results.notes)]
    path.write_text("\n".join(parts), encoding="utf-8")
