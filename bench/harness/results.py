"""Collects values by (topic, contender, metric), and writes them as CSV and as Markdown tables of medians."""

import csv
import pathlib
import statistics


class Results:
    def __init__(self):
        self.values: dict[tuple[str, str, str], list[float]] = {}
        self.notes: list[str] = []

    def add(self, topic: str, contender: str, metric: str, value: float) -> None:
        self.values.setdefault((topic, contender, metric), []).append(float(value))

    def median(self, topic: str, contender: str, metric: str) -> float | None:
        values = self.values.get((topic, contender, metric))
        return statistics.median(values) if values else None

    def spread(self, topic: str, contender: str, metric: str) -> tuple[float, float] | None:
        values = self.values.get((topic, contender, metric))
        return (min(values), max(values)) if values else None

    def contenders(self, topic: str, metric: str) -> list[str]:
        """In the order in which they first appeared."""
        return [contender for (a, contender, b) in self.values if (a, b) == (topic, metric)]

    def ratio(self, topic: str, metric: str, above: str, below: str) -> float | None:
        over, under = self.median(topic, above, metric), self.median(topic, below, metric)
        return over / under if over is not None and under else None

    def ratios(self, above: tuple[str, str, str], below: tuple[str, str, str]) -> list[float]:
        """Of two values' keys, repetition by repetition: both were measured in the same minute."""
        return [over / under for over, under in zip(self.values.get(above, []), self.values.get(below, [])) if under]

    def write_csv(self, path: pathlib.Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["topic", "contender", "metric", "repetition", "value"])
            for (topic, contender, metric), values in self.values.items():
                for repetition, value in enumerate(values):
                    writer.writerow([topic, contender, metric, repetition, f"{value:.6g}"])


def cell(results: Results, topic: str, contender: str, metric: str, form: str, scale: float = 1) -> str:
    """`median (lowest–highest)`, or a dash."""
    median = results.median(topic, contender, metric)
    if median is None:
        return "–"
    low, high = results.spread(topic, contender, metric)
    return f"{median * scale:{form}} ({low * scale:{form}}–{high * scale:{form}})"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines.extend("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join(lines) + "\n"
