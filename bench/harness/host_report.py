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
    ("Queue, one producer and one consumer: a message", "queue",
     (("message_64_ns", "64 B, ns", ".0f"), ("message_1m_us", "1 MiB, µs", ".0f"), ("message_4m_ns", "4 MiB in place, ns", ".0f"))),
    ("A word there and back between two processes: µs", "pipe", (("round_trip_us", "µs", ".2f"),)),
    ("Lock: ns", "lock", (("increment_ns", "two processes increment a counter, ns each", ".0f"),
                          ("alone_ns", "nobody waits, ns", ".1f"))),
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
    return markdown(["what", "measured", "bar", "holds"], [_bar(*row) for row in (*rows, *_sharing_rows(results))])


def _sharing_rows(results: Results) -> tuple[tuple, ...]:
    def of(above: str, below: str, topic: str, metric: str) -> list[float]:
        return results.ratios((topic, above, metric), (topic, below, metric))

    def faster(peer: str, metric: str) -> list[float]:
        return of(peer, host.FOREBAY, "queue", metric)

    return (
        ("Queue, messages of 64 B, against CPython", faster(host.PYTHON_QUEUE, "message_64_ns"), 20, False, "×"),
        ("the same, against Boost message_queue", faster(host.BOOST, "message_64_ns"), 1.5, False, "×"),
        ("Queue, messages of 1 MiB, against CPython", faster(host.PYTHON_QUEUE, "message_1m_us"), 5, False, "×"),
        ("the same, against Boost message_queue", faster(host.BOOST, "message_1m_us"), 0.9, False, "×"),
        ("Queue by loan: time of 4 MiB against 64 B",
         results.ratios(("queue", host.FOREBAY_LOAN, "message_4m_ns"), ("queue", host.FOREBAY_LOAN, "message_64_ns")),
         1.2, True, "×"),
        ("Pipe, there and back, both sides parked, a core each: of a futex",
         of(host.PIPE_EACH, host.LIMIT_EACH, "pipe", "round_trip_us"), 1.2, True, "×"),
        ("the same, both on one core", of(host.PIPE_ONE, host.LIMIT_ONE, "pipe", "round_trip_us"), 1.2, True, "×"),
        ("Pipe, there and back, both sides spinning: of a cache line",
         of(host.PIPE_SPINS, host.LIMIT_LINE, "pipe", "round_trip_us"), 4, True, "×"),
        ("Lock, two processes increment a counter, against CPython",
         of(host.PYTHON_LOCK, host.FOREBAY, "lock", "increment_ns"), 5, False, "×"),
        ("lock and unlock where nobody waits: of a CAS and an exchange",
         of(host.LOCK_UNLOCK, host.LIMIT_CAS, "lock", "alone_ns"), 2.5, True, "×"),
        ("an event set where nobody waits: of a CAS and an exchange",
         of(host.EVENT_SET, host.LIMIT_CAS, "lock", "alone_ns"), 2.5, True, "×"),
    )


def write_host_report(results: Results, lines: list[str], idle_s: float, path: pathlib.Path) -> None:
    parts = ["# Pools, executors, processes, queues, pipes and locks beside Python's and others'\n",
             "".join(f"- {line}\n" for line in lines),
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
