"""Pictures that take too long or too much, and workers and owners that are killed or stopped under the command."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import forebay_command as fc
import PIL.Image

EVIDENCE = {"index", "path", "label", "code", "how", "signal", "exit_code", "attempts", "last_step", "seconds",
            "cpu_s", "peak_rss_bytes", "sha256", "file_bytes"}


def quarantine_of(folder):
    path = folder / "quarantine.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Quarantine(fc.CommandTest):
    def setUp(self):
        super().setUp()
        self.pictures = self.folder / "pictures"
        self.pictures.mkdir()
        for number in range(12):
            PIL.Image.new("RGB", (80, 60), (number, 2 * number, 99)).save(self.pictures / f"{number:02}.png")

    def add_large(self, edge):
        large = self.pictures / "05_large.png"
        PIL.Image.effect_noise((edge, edge), 50).convert("RGB").save(large, compress_level=1)
        return large

    def check(self, large, code, attempts, words, runs=1):
        for _ in range(runs):
            shutil.rmtree(self.out, ignore_errors=True)
            result = self.assert_done(fc.forebay("run", self.pictures, "--out", self.out, *fc.SMALL, *words))
            items = fc.items_of(self.out)
            if all(item["attempts"] == 1 for item in items if item["path"] != str(large)):
                break
        self.assertEqual(len(items), 13)
        for item in items:
            if item["path"] != str(large):
                self.assertEqual((item["status"], item["attempts"]), ("ok", 1), item)
        (evidence,) = quarantine_of(self.out)
        self.assertEqual(set(evidence), EVIDENCE)
        self.assertEqual(evidence["path"], str(large))
        self.assertEqual(evidence["code"], code)
        self.assertEqual(evidence["attempts"], attempts)
        self.assertIn(evidence["last_step"], ("read", "decode", "prepare"))
        if evidence["last_step"] != "read":
            self.assertEqual(evidence["sha256"], hashlib.sha256(large.read_bytes()).hexdigest())
            self.assertEqual(evidence["file_bytes"], large.stat().st_size)
        (bad,) = [item for item in items if item["status"] != "ok"]
        self.assertEqual(bad["error"]["code"], code)
        self.assertIn(f"quarantined after {attempts} attempts", result.stderr)
        summary = fc.summary_of(self.out)
        self.assertEqual(summary["errors"], {code: 1})
        self.assertEqual(summary["options"]["attempts"], attempts)
        self.assertTrue(summary["notices"])

    def test_a_picture_that_takes_too_long(self):
        large = self.pictures / "05_large.jpg"  # takes a second and more
        PIL.Image.effect_noise((6000, 6000), 50).convert("RGB").save(large, progressive=True, quality=95)
        # A busy machine may hold up a small picture for as long: not three times.
        self.check(large, "timed_out", 2, ["--item-timeout", "0.3", "--attempts", "2"], runs=3)

    def test_a_picture_that_takes_too_much_memory(self):
        self.check(self.add_large(4000), "memory_limit", 3, ["--item-memory-mb", "24"])

    def test_a_decoder_that_runs_out_of_memory(self):
        large = self.pictures / "05_large.jpg"
        PIL.Image.effect_noise((3000, 3000), 50).convert("RGB").save(large, progressive=True, quality=90)
        self.check(large, "memory_limit", 3, ["--item-memory-mb", "40"])

    def test_under_on_error_fail_the_run_stops_there(self):
        self.add_large(4000)
        result = fc.forebay("run", self.pictures, "--out", self.out, *fc.SMALL, "--item-memory-mb", "24",
                            "--on-error", "fail", "--batch", "2")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("memory_limit", result.stderr)
        self.assertEqual(len(fc.items_of(self.out)), 7)

    def test_a_former_runs_evidence_does_not_stay(self):
        large = self.add_large(4000)
        self.check(large, "memory_limit", 3, ["--item-memory-mb", "24"])
        self.assert_done(fc.forebay("run", self.pictures, "--out", self.out, "--force", *fc.SMALL))
        self.assertFalse((self.out / "quarantine.jsonl").exists())


class Limits(fc.CommandTest):
    def test_wrong_limits_are_usage_errors(self):
        for words in (["--attempts", "0"], ["--attempts", "101"], ["--attempts", "x"], ["--item-timeout", "0"],
                      ["--item-timeout", "-1"], ["--item-timeout", "nan"], ["--item-timeout", "1e9"],
                      ["--item-memory-mb", "0"], ["--item-memory-mb", "-5"], ["--item-memory-mb", "1048577"]):
            with self.subTest(words=words):
                result = fc.forebay("run", self.folder, "--sink", "none", *words)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(words[0], result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)


@fc.needs_photos
class Signals(fc.CommandTest):
    """Workers and owners under the command, killed and stopped from outside."""

    def run_disturbed(self, numbers, words, has_begun=lambda: True):
        source = ["@" + str(self.folder / "list.txt")]
        names = [str(path) for path in sorted((fc.PHOTOS / "good").rglob("*.*"))]
        (self.folder / "list.txt").write_text("\n".join(names * 12) + "\n")
        calm = self.folder / "calm"
        self.assert_done(fc.forebay("run", *source, "--out", calm, *fc.SMALL, *words))
        process = self.start("run", *source, "--out", self.out, *fc.SMALL, *words)
        choose = random.Random(7)
        hits = 0
        while process.poll() is None:
            time.sleep(0.05)
            children = fc.children_of(process.pid)
            if not children or not has_begun():
                continue
            try:
                os.kill(choose.choice(children), choose.choice(numbers))
                hits += 1
            except ProcessLookupError:
                pass
        self.assertEqual(process.returncode, 0)
        self.assertGreater(hits, 3)
        self.assertEqual((calm / "tensors.npy").read_bytes(), (self.out / "tensors.npy").read_bytes())
        for before, after in zip(fc.items_of(calm), fc.items_of(self.out), strict=True):
            before.pop("attempts"), after.pop("attempts")
            self.assertEqual(before, after)
        self.assertFalse((self.out / "quarantine.jsonl").exists())

    def test_kills_and_faults_change_nothing(self):
        self.run_disturbed([signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM], [])

    def test_nor_with_an_owner(self):
        # Three deaths of an owner before it has opened its device end a run.
        has_begun = lambda: fc.has_items(self.out)  # pylint: disable=unnecessary-lambda-assignment
        self.run_disturbed([signal.SIGKILL, signal.SIGSEGV], ["--placement", "owner", "--device", "cpu"], has_begun)


class SlowSource(fc.CommandTest):
    """A list that comes through a pipe, with a pause behind its first line."""

    def run_with_pause(self, seconds, *words):
        picture = self.write_picture("a.png")
        process = self.start("run", "@/dev/stdin", "--out", self.out, *fc.SMALL, "--workers", "2", *words,
                             stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(f"{picture}\n")
        process.stdin.flush()
        time.sleep(seconds)
        _, errors = process.communicate(f"{picture}\n", timeout=fc.PATIENCE_S)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual([item["status"] for item in fc.items_of(self.out)], ["ok"] * 2)
        return errors

    def test_a_wait_that_takes_long_has_a_name(self):
        errors = self.run_with_pause(14)  # is named behind ten of them, however late these begin
        self.assertIn("the coordinator has waited 1", errors)
        self.assertIn("for the next entry of the source", errors)
        self.assertNotIn("has not moved", errors, "a worker is not blamed for what the coordinator did not look at")
        self.assertTrue(any("the source took 1" in notice["text"] for notice in fc.summary_of(self.out)["notices"]))

    def test_nobody_is_ended_for_it(self):
        self.run_with_pause(3, "--item-timeout", "1")
        self.assertEqual([worker["restarts"] for worker in fc.summary_of(self.out)["workers"]], [0] * 2)


@fc.unittest.skipUnless("FOREBAY_BAD_DISK" in os.environ, "needs the library that ctest names")
class HangingDisk(fc.CommandTest):
    def run_with(self, hanging):
        env = {**os.environ, "LD_PRELOAD": os.environ["FOREBAY_BAD_DISK"], "FOREBAY_TEST_HANGING_FILE": hanging}
        out = self.folder / hanging.strip("/")
        return out, fc.forebay("run", self.folder / "p", "--out", out, *fc.SMALL, env=env)

    def test_a_write_that_takes_long_has_a_name_and_harms_nothing(self):
        self.write_picture("p/a.png")
        with ThreadPoolExecutor() as pool:  # the beginning, a row, a line, the end
            for out, result in pool.map(self.run_with, ("/tensors.npy.tmp", "/tensors.npy", "/items.jsonl",
                                                        "/summary.json.tmp")):
                self.assert_done(result)
                self.assertRegex(result.stderr, r"the sink has waited 1\d s for the disk of --out", out.name)
                self.assertEqual([item["status"] for item in fc.items_of(out)], ["ok"])


def tree_of(pid):
    return [pid] + fc.children_of(pid)


class Stopped(fc.CommandTest):
    """Whoever is stopped as a whole and goes on loses nobody; one of them alone is replaced."""

    def begin(self, *words):
        # Some seconds of work for two workers.
        picture = self.folder / "busy.png"
        PIL.Image.effect_noise((1500, 1500), 60).convert("RGB").save(picture, compress_level=1)
        (self.folder / "list.txt").write_text(f"{picture}\n" * 120)
        process = self.start("run", "@" + str(self.folder / "list.txt"), "--out", self.out, *fc.SMALL, "--batch", "4",
                             "--workers", "2", *words)
        deadline = time.monotonic() + fc.PATIENCE_S
        while time.monotonic() < deadline:
            if fc.has_items(self.out):
                return process
            time.sleep(0.02)
        self.fail("no batch came")

    def finish(self, process):
        self.assertEqual(process.wait(timeout=fc.PATIENCE_S), 0)
        items = fc.items_of(self.out)
        self.assertEqual([item["status"] for item in items], ["ok"] * 120)
        summary = fc.summary_of(self.out)
        return sum(worker["restarts"] for worker in summary["workers"]), summary

    def test_ctrl_z_and_fg(self):
        process = self.begin("--item-timeout", "4")
        process.send_signal(signal.SIGTSTP)  # what a terminal sends; workers are in groups of their own
        time.sleep(6)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(self.finish(process)[0], 0)

    def test_all_of_them_stopped_and_continued_one_after_the_other(self):
        process = self.begin("--item-timeout", "4")
        tree = tree_of(process.pid)
        for pid in tree:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(6)
        for pid in tree:  # the coordinator first: it finds the others stopped
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.3)
        self.assertEqual(self.finish(process)[0], 0)

    def test_a_stopped_worker_is_replaced(self):
        process = self.begin()
        os.kill(fc.children_of(process.pid)[0], signal.SIGSTOP)
        restarts, summary = self.finish(process)
        self.assertEqual(restarts, 1)
        self.assertTrue(any("was stopped (SIGSTOP)" in notice["text"] for notice in summary["notices"]))


if __name__ == "__main__":
    fc.main()
