"""Pools, executors and processes of Forebay beside Python's: who runs, in which turn, with which counts."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator

from harness.processes import Failed, run_json
from harness.results import Results

FOREBAY, MULTIPROCESSING, FUTURES, LOKY = ("Forebay", "CPython multiprocessing.Pool", "CPython concurrent.futures", "loky")
FOREBAY_SPAWN, FOREBAY_FORKSERVER = "Forebay, spawn", "Forebay, forkserver"
PYTHON_SPAWN, PYTHON_FORKSERVER = "CPython, spawn", "CPython, forkserver"
LIMIT_ITSELF, LIMIT_TRUE = "limit: posix_spawn of the same program", "limit: posix_spawn of /bin/true"
LIMIT_FUTEX = "limit: two processes and a futex"


@dataclasses.dataclass(frozen=True)
class Counts:
    """Of one repetition."""
    single_tasks: int = 20_000
    chunked_tasks: int = 200_000
    burst: int = 5_000
    round_trips: int = 1_000
    starts: int = 100
    python_starts: int = 15
    deaths: int = 300
    python_deaths: int = 5
    idle_ms: int = 2_000
    futex_round_trips: int = 5_000


QUICK = Counts(2_000, 20_000, 1_000, 200, 20, 3, 30, 1, 200, 500)


@dataclasses.dataclass(frozen=True)
class Run:
    """A program, and where each of its figures goes: name -> (topic, contender, metric)."""
    name: str
    command: list[str]
    figures: dict[str, tuple[str, str, str]]


@dataclasses.dataclass(frozen=True)
class Host:
    root: pathlib.Path
    build: pathlib.Path
    python: str
    loky_python: str | None
    workers: int
    counts: Counts

    def runs(self) -> Iterator[Run]:
        """One repetition. What is compared runs in turn."""
        counts = self.counts
        pool, executor = (counts.single_tasks, counts.chunked_tasks), (counts.burst, counts.round_trips)
        pool_metrics, executor_metrics = ("chunk_1_us", "chunk_default_us"), ("burst_us", "round_trip_us")
        death_metrics = ("death_p50_ms", "death_max_ms")

        yield self._program("pool_map", FOREBAY, "pool.map", pool_metrics, self.workers, *pool)
        yield self._peer("pool", "multiprocessing", MULTIPROCESSING, "pool.map", pool_metrics, self.workers, *pool)
        yield self._peer("pool", "futures", FUTURES, "pool.map", pool_metrics, self.workers, *pool)
        if self.loky_python:
            yield self._peer("pool", "loky", LOKY, "pool.map", pool_metrics, self.workers, *pool)

        yield self._program("executor_submit", FOREBAY, "executor", executor_metrics, self.workers, *executor)
        yield self._peer("executor", "futures", FUTURES, "executor", executor_metrics, self.workers, *executor)
        if self.loky_python:
            yield self._peer("executor", "loky", LOKY, "executor", executor_metrics, self.workers, *executor)
        yield Run(LIMIT_FUTEX, [self._path("futex_round_trip"), str(counts.futex_round_trips)],
                  {"futex_round_trip_us": ("executor", LIMIT_FUTEX, "round_trip_us")})

        started = {"spawn_ms": FOREBAY_SPAWN, "forkserver_ms": FOREBAY_FORKSERVER, "posix_spawn_itself_ms": LIMIT_ITSELF,
                   "posix_spawn_true_ms": LIMIT_TRUE}
        yield Run("Forebay and posix_spawn", [self._path("start_join"), str(counts.starts)],
                  {figure: ("process", contender, "start_join_ms") for figure, contender in started.items()})
        for method, contender in (("spawn", PYTHON_SPAWN), ("forkserver", PYTHON_FORKSERVER)):
            yield self._peer("start", method, contender, "process", ("start_join_ms",), counts.python_starts)

        yield self._program("worker_death", FOREBAY, "death", (*death_metrics, "death_p99_ms"), self.workers, counts.deaths)
        yield self._peer("death", "futures", FUTURES, "death", death_metrics, self.workers, counts.python_deaths)
        if self.loky_python:
            yield self._peer("death", "loky", LOKY, "death", death_metrics, self.workers, counts.python_deaths)
        yield self._program("idle_pool", FOREBAY, "idle", ("idle_cpu_ms",), self.workers, counts.idle_ms)

    def _path(self, program: str) -> str:
        return str(self.build / "bench/bin" / program)

    def _program(self, program: str, contender: str, topic: str, metrics: tuple[str, ...], *counts: int) -> Run:
        return Run(contender, [self._path(program), *map(str, counts)],
                   {metric: (topic, contender, metric) for metric in metrics})

    def _peer(self, figures: str, kind: str, contender: str, topic: str, metrics: tuple[str, ...], *counts: int) -> Run:
        python = self.loky_python if kind == "loky" else self.python
        return Run(contender, [python, "-B", str(self.root / "bench/host/python_peer.py"), figures, kind, *map(str, counts)],
                   {metric: (topic, contender, metric) for metric in metrics})


def measure_host(host: Host, results: Results, repetitions: int, say: Callable[[str], None]) -> None:
    """A contender that fails is left out from then on, so that the repetitions of all others still belong together."""
    failed: set[tuple[str, ...]] = set()
    for repetition in range(repetitions):
        say(f"repetition {repetition + 1} of {repetitions}")
        for run in host.runs():
            if tuple(run.command) in failed:
                continue
            try:
                values = run_json(run.command, host.root)
            except Failed as error:
                say(f"{run.name}: {error}")
                results.notes.append(f"{run.name} was left out from repetition {repetition + 1} on: {error}")
                failed.add(tuple(run.command))
                continue
            for figure, key in run.figures.items():
                results.add(*key, values[figure])
