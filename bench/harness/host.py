"""Pools, executors, processes, queues, pipes and locks of Forebay beside others': who runs, in which turn, with which counts."""

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
FOREBAY_LOAN, PYTHON_QUEUE = "Forebay, by loan", "CPython multiprocessing.Queue"
BOOST, ZEROMQ, PLAIN_PIPE, UNIX_SOCKET = "Boost message_queue", "ZeroMQ ipc", "plain pipe", "Unix socket"
PIPE_EACH, PIPE_ONE, PIPE_SPINS = "Forebay, parked, a core each", "Forebay, parked, one core", "Forebay, spinning"
LIMIT_EACH, LIMIT_ONE = "limit: futex, a core each", "limit: futex, one core"
LIMIT_LINE = "limit: a cache line, spinning"
PYTHON_LOCK = "CPython multiprocessing.Lock"
LOCK_UNLOCK, EVENT_SET, LIMIT_CAS = "Forebay, lock and unlock", "Forebay, event set", "limit: a CAS and an exchange"


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
    small_messages: int = 20_000
    large_messages: int = 50
    pipe_bursts: int = 200
    increments: int = 100_000
    python_increments: int = 20_000
    lock_bursts: int = 100


QUICK = Counts(2_000, 20_000, 1_000, 200, 20, 3, 30, 1, 200, 500, 2_000, 10, 20, 10_000, 2_000, 10)


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
        yield from self._sharing_runs()

    def _sharing_runs(self) -> Iterator[Run]:
        counts = self.counts
        messages = counts.small_messages, counts.large_messages
        yield self._mapped("queue_throughput", "queue", {
            "queue_64_ns": (FOREBAY, "message_64_ns"), "queue_1m_us": (FOREBAY, "message_1m_us"),
            "loan_64_ns": (FOREBAY_LOAN, "message_64_ns"), "loan_4m_ns": (FOREBAY_LOAN, "message_4m_ns")}, *messages)
        yield self._mapped("queue_peers", "queue", {
            "boost_64_ns": (BOOST, "message_64_ns"), "boost_1m_us": (BOOST, "message_1m_us"),
            "pipe_64_ns": (PLAIN_PIPE, "message_64_ns"), "unix_64_ns": (UNIX_SOCKET, "message_64_ns")}, *messages)
        if self.has_zeromq():
            yield self._mapped("queue_zeromq", "queue", {
                "zeromq_64_ns": (ZEROMQ, "message_64_ns"), "zeromq_1m_us": (ZEROMQ, "message_1m_us")}, *messages)
        yield Run(PYTHON_QUEUE, self._peer_command("queue", "spawn", *messages),
                  {"queue_64_ns": ("queue", PYTHON_QUEUE, "message_64_ns"),
                   "queue_1m_us": ("queue", PYTHON_QUEUE, "message_1m_us")})

        round_trips = {"core_each_us": PIPE_EACH, "core_each_futex_us": LIMIT_EACH, "one_core_us": PIPE_ONE,
                       "one_core_futex_us": LIMIT_ONE, "spinning_us": PIPE_SPINS, "cache_line_us": LIMIT_LINE}
        yield self._mapped("pipe_round_trip", "pipe", {figure: (contender, "round_trip_us")
                                                       for figure, contender in round_trips.items()}, counts.pipe_bursts)

        yield self._mapped("lock_cost", "lock", {
            "increment_ns": (FOREBAY, "increment_ns"), "lock_unlock_ns": (LOCK_UNLOCK, "alone_ns"),
            "event_set_ns": (EVENT_SET, "alone_ns"), "cas_exchange_ns": (LIMIT_CAS, "alone_ns")},
            counts.increments, counts.lock_bursts)
        yield self._peer("lock", "spawn", PYTHON_LOCK, "lock", ("increment_ns",), counts.python_increments)

    def has_zeromq(self) -> bool:
        return pathlib.Path(self._path("queue_zeromq")).exists()

    def _path(self, program: str) -> str:
        return str(self.build / "bench/bin" / program)

    def _program(self, program: str, contender: str, topic: str, metrics: tuple[str, ...], *counts: int) -> Run:
        return Run(contender, [self._path(program), *map(str, counts)],
                   {metric: (topic, contender, metric) for metric in metrics})

    def _mapped(self, program: str, topic: str, figures: dict[str, tuple[str, str]], *counts: int) -> Run:
        """A program that has figures of several contenders."""
        return Run(program, [self._path(program), *map(str, counts)],
                   {figure: (topic, *contender_and_metric) for figure, contender_and_metric in figures.items()})

    def _peer(self, figures: str, kind: str, contender: str, topic: str, metrics: tuple[str, ...], *counts: int) -> Run:
        return Run(contender, self._peer_command(figures, kind, *counts),
                   {metric: (topic, contender, metric) for metric in metrics})

    def _peer_command(self, figures: str, kind: str, *counts: int) -> list[str]:
        python = self.loky_python if kind == "loky" else self.python
        return [python, "-B", str(self.root / "bench/host/python_peer.py"), figures, kind, *map(str, counts)]


def measure_host(host: Host, results: Results, repetitions: int, say: Callable[[str], None]) -> None:
    """A contender that fails is left out from then on, so that the repetitions of all others still belong together."""
    failed: set[tuple[str, ...]] = set()
    if not host.has_zeromq():
        results.notes.append("ZeroMQ is left out: it was not there when the programs were built (libzmq3-dev)")
        say(results.notes[-1])
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
