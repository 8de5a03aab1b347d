"""One peer's figures, as one line of JSON. Usage: python_peer.py FIGURES KIND WORKERS COUNTS...

    pool multiprocessing|futures|loky WORKERS SINGLE_TASKS CHUNKED_TASKS    as pool_map.cpp
    executor futures|loky WORKERS BURST ROUND_TRIPS                         as executor_submit.cpp
    start spawn|forkserver COUNT                                            as start_join.cpp
    death futures|loky WORKERS DEATHS                                       as worker_death.cpp
    queue spawn MESSAGES_OF_64_B MESSAGES_OF_1_MIB                          as queue_throughput.cpp
    lock spawn INCREMENTS                                                   as lock_cost.cpp

Nothing is imported at the top: the children import this file again, and their start is measured.
"""


def make_executor(kind, workers):
    import multiprocessing
    if kind == "loky":
        import loky
        return loky.ProcessPoolExecutor(workers)
    from concurrent.futures import ProcessPoolExecutor
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def us_of(work):
    import time
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1e6


def us_per(count, work):
    """As median_of_rounds() in figures.h."""
    import statistics
    return statistics.median(us_of(work) for _ in range(5)) / count


def pool(kind, workers, single_tasks, chunked_tasks):
    """An executor's map has no default but 1; it gets the chunks that multiprocessing.Pool would choose."""
    import multiprocessing
    from empty_task import nothing

    def measure(run):
        run(1000, 1)  # the workers are there, and have run
        return {"chunk_1_us": us_per(single_tasks, lambda: run(single_tasks, 1)),
                "chunk_default_us": us_per(chunked_tasks, lambda: run(chunked_tasks, None))}

    if kind == "multiprocessing":
        with multiprocessing.get_context("spawn").Pool(workers) as workers_pool:
            return measure(lambda tasks, chunk: workers_pool.map(nothing, range(tasks), chunk))
    with make_executor(kind, workers) as executor:
        return measure(lambda tasks, chunk: list(
            executor.map(nothing, range(tasks), chunksize=chunk or -(-tasks // (4 * workers)))))


def executor(kind, workers, burst, round_trips):
    from empty_task import nothing
    with make_executor(kind, workers) as made:
        def at_once(tasks):
            for future in [made.submit(nothing, i) for i in range(tasks)]:
                future.result()

        def one_by_one():
            for i in range(round_trips):
                made.submit(nothing, i).result()

        at_once(1000)  # the workers are there, and have run
        return {"burst_us": us_per(burst, lambda: at_once(burst)), "round_trip_us": us_per(round_trips, one_by_one)}


def start(method, count):
    import multiprocessing
    import statistics
    from empty_task import nothing
    context = multiprocessing.get_context(method)

    def once():
        process = context.Process(target=nothing)
        process.start()
        process.join()
        if process.exitcode != 0:
            raise RuntimeError("an empty process did not end with exit code 0")

    once()  # the resource tracker is there, and the server
    return {"start_join_ms": statistics.median(us_of(once) / 1000 for _ in range(count))}


def death(kind, workers, deaths):
    """Each death breaks the executor, so that each sample is from a new one."""
    import os
    import statistics
    import tempfile
    import time
    from concurrent.futures.process import BrokenProcessPool
    from empty_task import die, nothing
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        note = os.path.join(folder, "killed_at")
        for _ in range(deaths):
            with make_executor(kind, workers) as made:
                made.submit(nothing).result()
                try:
                    made.submit(die, note).result()
                except BrokenProcessPool:
                    failed_at = time.monotonic_ns()
            with open(note, encoding="ascii") as killed_at:
                samples.append((failed_at - int(killed_at.read())) / 1e6)
    return {"death_p50_ms": statistics.median(samples), "death_max_ms": max(samples)}


def rounds_with(other, one_round, begin=lambda: None):
    """Runs the other process beside it. Medians of five rounds as elsewhere; the first one warms up."""
    import statistics
    other.start()
    begin()
    times = [us_of(one_round) for _ in range(6)]
    other.join()
    if other.exitcode != 0:
        raise RuntimeError("the other process failed")
    return statistics.median(times[1:])


def queue(method, small_count, large_count):
    import multiprocessing
    from sharing_partner import get_rounds
    context = multiprocessing.get_context(method)

    def us_a_message(count, message):
        line, done = context.Queue(), context.Semaphore(0)

        def put_round():
            for _ in range(count):
                line.put(message)
            done.acquire()

        return rounds_with(context.Process(target=get_rounds, args=(line, done, count, 6)), put_round) / count

    return {"queue_64_ns": us_a_message(small_count, bytes(64)) * 1000,
            "queue_1m_us": us_a_message(large_count, bytes(1 << 20))}


def lock(method, count):
    import multiprocessing
    from sharing_partner import increment, increment_rounds, stay_on_core
    context = multiprocessing.get_context(method)
    counter, guard = context.Value("q", 0, lock=False), context.Lock()
    go, done = context.Semaphore(0), context.Semaphore(0)

    def increment_both():
        go.release()
        increment(counter, guard, count)
        done.acquire()

    other = context.Process(target=increment_rounds, args=(counter, guard, go, done, count, 6))
    us = rounds_with(other, increment_both, lambda: stay_on_core(0))
    if counter.value != 12 * count:
        raise RuntimeError("a count was lost")
    return {"increment_ns": us * 1000 / (2 * count)}


def main():
    import json
    import sys
    figures, kind, *counts = sys.argv[1:]
    measure = {"pool": pool, "executor": executor, "start": start, "death": death, "queue": queue, "lock": lock}[figures]
    print(json.dumps(measure(kind, *map(int, counts))))


if __name__ == "__main__":
    main()
