"""Draws results.csv. Usage: plot.py RESULTS.CSV OUT.PNG   Exit 77 where there is no matplotlib."""

import csv
import statistics
import sys

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
except ImportError as error:
    print(f"no plot: {error}; apt-get install python3-matplotlib")
    sys.exit(77)

PANELS = (
    ("images", "steady_per_s", 1, "pictures per second, steady (more is better)"),
    ("memory", "pss_bytes", 2**-20, "peak memory of all processes, MiB of PSS (less is better)"),
    ("start", "first_batch_s of 1200000", 1, "seconds to the first batch of 1.2 M entries (less is better)"),
    ("pool.map", "chunk_1_us", 1, "pool.map of an empty task, chunk size 1: µs a task (less is better)"),
    ("pool.map", "chunk_default_us", 1, "pool.map of an empty task, default chunks: µs a task (less is better)"),
    ("executor", "burst_us", 1, "executor, many submits and then their results: µs a task (less is better)"),
    ("executor", "round_trip_us", 1, "executor, a submit and its result, one by one: µs (less is better)"),
    ("process", "start_join_ms", 1, "start and join of an empty process: ms (less is better)"),
    ("death", "death_p50_ms", 1, "death of a worker to its future failed: median, ms (less is better)"),
    ("queue", "message_64_ns", 1, "queue, 64 B, one producer and one consumer: ns a message (less is better)"),
    ("queue", "message_1m_us", 1, "queue, 1 MiB, copied in and out: µs a message (less is better)"),
    ("pipe", "round_trip_us", 1, "a word there and back between two processes: µs (less is better)"),
    ("lock", "increment_ns", 1, "two processes increment a counter under a lock: ns each (less is better)"),
    ("lock", "alone_ns", 1, "where nobody waits: ns (less is better)"),
)
OURS, THEIRS, BOUND = "#1f6f8b", "#b8b8b8", "#e0a030"


def colour(name: str) -> str:
    if name.lower().startswith("forebay"):
        return OURS
    return BOUND if name.startswith(("ceiling", "limit")) else THEIRS


def main() -> None:
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    with open(sys.argv[1], encoding="utf-8") as source:
        for row in csv.DictReader(source):
            panel = values.setdefault((row["topic"], row["metric"]), {})
            panel.setdefault(row["contender"], []).append(float(row["value"]))
    panels = [panel for panel in PANELS if values.get(panel[:2])]
    heights = [len(values[panel[:2]]) + 1 for panel in panels]
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(9, 0.42 * sum(heights) + 0.6), squeeze=False,
                                   gridspec_kw={"height_ratios": heights})
    for axis, (topic, metric, scale, title) in zip(axes[:, 0], panels):
        bars = values[topic, metric]
        names = list(bars)[::-1]
        medians = [statistics.median(bars[name]) * scale for name in names]
        below = [median - min(bars[name]) * scale for name, median in zip(names, medians)]
        above = [max(bars[name]) * scale - median for name, median in zip(names, medians)]
        drawn = axis.barh(names, medians, xerr=[below, above], color=[colour(name) for name in names],
                          error_kw={"elinewidth": 1, "capsize": 2})
        labels = [f"{median:,.0f}" if median >= 10 else f"{median:.2f}" if median >= 1 else f"{median:.2g}"
                  for median in medians]
        axis.bar_label(drawn, labels=labels, padding=6, fontsize=9)
        axis.set_title(title, fontsize=10, loc="left")
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=130)


if __name__ == "__main__":
    main()
