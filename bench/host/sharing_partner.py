"""What the other process of a queue or a lock runs, with Python's multiprocessing. A module that imports little."""


def get_rounds(line, done, count, rounds):
    for _ in range(rounds):
        for _ in range(count):
            line.get()
        done.release()


def stay_on_core(index):
    """Of those that the process may use; as OnCore in place.h."""
    import os
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[min(index, len(cores) - 1)]})


def increment(counter, guard, count):
    for _ in range(count):
        with guard:
            counter.value += 1


def increment_rounds(counter, guard, go, done, count, rounds):
    stay_on_core(1)
    for _ in range(rounds):
        go.acquire()
        increment(counter, guard, count)
        done.release()
