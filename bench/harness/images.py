"""The main comparison: 1,024 photos to batches of f32, several epochs in one run."""

import json
import pathlib
import subprocess
from collections.abc import Callable

from harness.processes import Failed, run_json, run_with_memory
from harness.results import Results

BATCH = 64


class Images:
    """The contenders, by name, as commands over `photos`; each prints one line of JSON."""

    def __init__(self, root: pathlib.Path, build: pathlib.Path, work: pathlib.Path, photos: pathlib.Path,
                 python: str, more_python: str | None, workers: int, epochs: int):
        self.root, self.build, self.work, self.photos = root, build, work, photos
        self.workers, self.epochs = workers, epochs
        here = root / "bench" / "images"
        options = [str(photos), "--epochs", str(epochs), "--workers", str(workers), "--batch", str(BATCH)]
        self.loaders = {
            "Forebay, C++ API": [str(build / "bench/bin/forebay_consumer"), *options],
            "PyTorch DataLoader, fork": [python, str(here / "torch_loader.py"), *options],
        }
        if more_python:
            self.loaders["NVIDIA DALI, cpu"] = [more_python, str(here / "dali_loader.py"), *options]
            self.loaders["SPDL, threads"] = [more_python, str(here / "spdl_loader.py"), *options]

    def forebay_run(self, sink: list[str]) -> dict:
        """The command; its summary says what it measured."""
        command = [str(self.build / "bin/forebay"), "run", *[str(self.photos)] * self.epochs, "--quiet", "--json",
                   "--workers", str(self.workers), "--batch", str(BATCH), "--device", "cpu", *sink]
        summary = _json_document(command, self.root)
        seconds, first = summary["seconds"], summary["first_batch_s"]
        return {"pictures": summary["rows"], "seconds": seconds, "first_batch_s": first,
                "steady_per_s": (summary["rows"] - BATCH) / (seconds - first)}

    def ceiling(self) -> dict:
        """`workers` processes that only decode, begun together; the rate is all pictures by the slowest's time."""
        files = sorted(str(path) for path in self.photos.rglob("*.jpg"))
        program = str(self.build / "bench/bin/decode_ceiling")
        processes = [subprocess.Popen([program, str(part), str(self.workers), str(self.epochs), *files],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                     for part in range(self.workers)]
        for process in processes:
            if process.stdout.readline() != "ready\n":
                raise Failed("decode_ceiling did not start")
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        results = [json.loads(process.communicate(timeout=600)[0]) for process in processes]
        pictures = sum(result["pictures"] for result in results)
        return {"pictures": pictures, "steady_per_s": pictures / max(result["seconds"] for result in results)}

    def contenders(self) -> dict[str, Callable[[], dict]]:
        def loader(command: list[str]) -> Callable[[], dict]:
            return lambda: run_json(command, self.root)

        api, *others = self.loaders
        files = ["--out", str(self.work / "run"), "--force"]
        return {
            "ceiling: decode only": self.ceiling,
            api: loader(self.loaders[api]),
            "forebay run --sink none": lambda: self.forebay_run(["--sink", "none"]),
            "forebay run, with files": lambda: self.forebay_run(files),
            **{name: loader(self.loaders[name]) for name in others},
        }


def _json_document(command: list[str], cwd: pathlib.Path) -> dict:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:2])} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def measure_speed(images: Images, results: Results, repetitions: int, say: Callable[[str], None]) -> None:
    """Interleaved: each repetition runs every contender once, so that a slow minute hurts all of them."""
    contenders = images.contenders()
    for repetition in range(repetitions):
        for name in list(contenders):
            say(f"images {repetition + 1}/{repetitions}: {name}")
            try:
                result = contenders[name]()
            except (Failed, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
                results.notes.append(f"{name} was left out: {error}")
                del contenders[name]
                continue
            results.add("images", name, "steady_per_s", result["steady_per_s"])
            if "seconds" in result:
                results.add("images", name, "whole_per_s", result["pictures"] / result["seconds"])
                results.add("images", name, "first_batch_s", result["first_batch_s"])


def measure_memory(images: Images, results: Results, repetitions: int, say: Callable[[str], None]) -> None:
    for repetition in range(repetitions):
        for name, command in images.loaders.items():
            say(f"memory {repetition + 1}/{repetitions}: {name}")
            try:
                _, peak = run_with_memory(command, images.root)
            except Failed as error:
                results.notes.append(f"memory of {name} was left out: {error}")
                continue
            results.add("memory", name, "pss_bytes", peak)
