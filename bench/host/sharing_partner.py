"""What the other process of a queue or a lock runs, with Python's multiprocessing. A module that imports nothing."""


def get_rounds(line, done, count, rounds):
    for _ in range(rounds):
        for _ in range(count):
            line.get()
        done.release()


def increment(counter, guard, count):
    for _ in range(count):
        with guard:
            counter.value += 1


def increment_rounds(counter, guard, go, done, count, rounds):
    for _ in range(rounds):
        go.acquire()
        increment(counter, guard, count)
        done.release()
