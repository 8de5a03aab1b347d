"""--resume: what a run that ended anywhere leaves is gone on with, and the files are those of an undisturbed one."""

import collections
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import compared_runs as compared
import forebay_command as fc
import PIL.Image

STEPS_FILE = pathlib.Path(__file__).parents[2] / "pipeline/sink/commit_step.h"
STEPS = re.findall(r'"(pipeline\.[a-z_.]+)"', STEPS_FILE.read_text())
ONE = ["--workers", "2", "--batch", "8", "--slots", "2"]
OTHER = ["--workers", "3", "--batch", "5"]


class ResumeTest(compared.ComparedRuns):
    def run_words(self, *words, out=None):
        return ["run", self.pictures, "--out", out or self.out, *fc.SMALL, "--quiet", *words]

    def resume(self, *words):
        return self.assert_done(fc.forebay(*self.run_words("--resume", *words)))

    def assert_same(self, completion=False):
        self.assertEqual(compared.difference(self.calm, self.out, completion), "")


Case = collections.namedtuple("Case", "number step visit first words")


def cases():
    """Death at every step, several times, in the first session and in one that resumes."""
    numbers = itertools.count()
    ways = {"index": ["--order", "index"], "completion, durable": ["--order", "completion", "--durable"],
            "index, owner": ["--placement", "owner", "--device", "cpu", "--durable"],
            "completion, owner": ["--order", "completion", "--placement", "owner", "--device", "cpu"]}
    for words in ways.values():
        for step in STEPS:
            if step == "pipeline.commit.synced" and "--durable" not in words:
                continue
            resumes = step.startswith("pipeline.resume.")
            for visit in (1, 2, 5) if step.startswith("pipeline.commit.") else (1,):
                for first in (None, "pipeline.commit.log:2", "pipeline.commit.lines:3")[: 2 if "owner" in words else 3]:
                    begins = step.startswith("pipeline.begin.")
                    if (first is None and resumes) or (first is not None and begins):
                        continue
                    yield Case(next(numbers), step, visit, first, words)


class Steps(ResumeTest):
    def killed_at(self, folder, step, words):
        """The run comes to the step and dies there."""
        token = folder / "token"
        token.write_text("")
        env = {**os.environ, "FOREBAY_CRASH_POINT": f"{step}:{token}"}
        result = fc.forebay(*words, env=env)
        if result.returncode != -signal.SIGKILL or token.exists():
            return f"not killed at {step}: {result.returncode} {result.stderr}"
        return ""

    def wrong_with(self, case):
        folder = self.folder / str(case.number)
        folder.mkdir()
        out = folder / "out"
        words = self.run_words("--resume", *case.words, out=out)  # which can always be given
        wrong = ""
        if case.first:
            wrong = self.killed_at(folder, case.first, [*words, *ONE])
        wrong = wrong or self.killed_at(folder, f"{case.step}:{case.visit}", [*words, *(OTHER if case.first else ONE)])
        if not wrong:
            result = fc.forebay(*words, *(ONE if case.first else OTHER))
            wrong = result.stderr if result.returncode != 0 else compared.difference(self.calm, out, "completion" in case.words)
        shutil.rmtree(folder)
        return f"{case}: {wrong}" if wrong else ""

    def test_death_at_any_changes_nothing(self):
        self.assertEqual(len(STEPS), 20)
        all_cases = list(cases())
        with ThreadPoolExecutor(2) as pool:
            wrong = [text for text in pool.map(self.wrong_with, all_cases) if text]
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(all_cases)}")
        print(f"{len(all_cases)} deaths at {len(STEPS)} steps, resumed: the files are an undisturbed run's")


class Rules(ResumeTest):
    def interrupted(self, items=24, *words):
        self.assert_done(fc.forebay(*self.run_words(*ONE, "--limit", items, *words)))

    def test_it_can_always_be_given(self):
        self.resume(*ONE)
        self.assert_same()
        summary = fc.summary_of(self.out)
        self.assertEqual((summary["sessions"], summary["resumed_at"]), (1, None))

    def test_a_larger_limit_goes_on_and_totals_are_of_all_sessions(self):
        self.interrupted(24)
        self.interrupted_summary = fc.summary_of(self.out)
        self.resume(*OTHER, "--limit", 40)
        self.resume(*ONE)
        self.assert_same()
        summary, calm = fc.summary_of(self.out), fc.summary_of(self.calm)
        self.assertEqual((summary["sessions"], summary["resumed_at"]), (3, 40))
        for key in ("items", "rows", "errors", "warnings"):
            self.assertEqual(summary[key], calm[key], key)

    def test_nothing_is_decoded_again(self):
        self.interrupted(24)
        bytes_of = {"all": fc.summary_of(self.calm)["decoded_bytes"], "first": fc.summary_of(self.out)["decoded_bytes"]}
        self.resume(*OTHER)
        second = fc.summary_of(self.out)["decoded_bytes"]
        self.assertEqual(bytes_of["first"] + second, bytes_of["all"])

    def test_a_complete_run_is_left_alone(self):
        self.resume()
        before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.out.iterdir()}
        result = self.assert_done(fc.forebay("run", self.pictures, "--out", self.out, *fc.SMALL, "--resume"))
        self.assertRegex(result.stdout, r"is complete: 57 rows of 60 items; nothing is left to do")
        result = self.resume("--json")
        self.assertEqual(json.loads(result.stdout), fc.summary_of(self.out))
        self.assertEqual({path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.out.iterdir()}, before)

    def test_options_that_change_the_bits_are_named(self):
        self.interrupted(24, "--seed", 5)
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        words = ["run", self.pictures, "--out", self.out, "--resume", "--resize", 64, "--crop", 48, "--dtype", "f32"]
        self.assert_one_line(fc.forebay(*words), 2, "--crop 64 (now 48)", "--dtype u8 (now f32)", "--seed 5 (now 0)",
                             "--force")
        self.assert_one_line(fc.forebay(*self.run_words("--resume", "--seed", 5, "--limit", 20)), 2,
                             "--limit 20 is below the 24 items")
        self.assert_one_line(fc.forebay(*self.run_words("--resume", "--seed", 5, "--order", "completion")), 2,
                             "--order index (now completion)")
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, before)

    def test_other_sources_are_refused_with_the_first_that_differs(self):
        names = [str(self.pictures / f"{number:02}.png") for number in range(compared.COUNT)]
        def resume_list(order):
            (self.folder / "list.txt").write_text("".join(name + "\n" for name in order))
            return fc.forebay("run", f"@{self.folder / 'list.txt'}", "--out", self.out, *fc.SMALL, "--quiet", "--resume")
        self.interrupted(24)
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        changed = names[:11] + names[12:]
        self.assert_one_line(resume_list(changed), 2, "the sources have changed", "item 11 is", "12.png, was", "11.png")
        self.assert_one_line(resume_list(names[:9]), 2, "the sources have changed", "end before item 9")
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, before)
        self.assert_done(resume_list(names))  # spelled otherwise, but the same
        self.assert_same()
        self.assert_one_line(resume_list(changed), 2, "the sources have changed", "item 11 is")

    def test_new_entries_behind_those_that_are_done_are_taken(self):
        source = self.folder / "list.txt"
        names = [f"{self.pictures}/{number:02}.png\n" for number in range(compared.COUNT)]
        source.write_text("".join(names[:20]))
        words = ["run", f"@{source}", "--out", self.out, *fc.SMALL, "--quiet"]
        self.assert_done(fc.forebay(*words))
        source.write_text("".join(names))
        self.assert_done(fc.forebay(*words, "--resume"))
        self.assert_same()

    def test_words_that_make_no_sense_together(self):
        self.assert_one_line(fc.forebay(*self.run_words("--resume", "--force")), 2, "--resume with --force")
        self.assert_one_line(fc.forebay("run", self.pictures, "--sink", "none", "--resume"), 2, "--resume without --out")
        self.assert_one_line(fc.forebay("run", self.pictures, "--sink", "none", "--durable"), 2, "--durable without --out")

    def test_results_without_a_log_are_refused(self):
        self.interrupted()
        (self.out / "commit.log").unlink()
        self.assert_one_line(fc.forebay(*self.run_words("--resume")), 2, "but no commit.log", "--force")
        (self.out / "commit.log").write_text("")
        self.assert_one_line(fc.forebay(*self.run_words("--resume")), 2, "commit.log is empty", "--force")
        (self.out / "commit.log").write_text("a diary\n" * 9)
        self.assert_one_line(fc.forebay(*self.run_words("--resume")), 2, "commit.log is no log of a run", "--force")
        self.assert_done(fc.forebay(*self.run_words("--force")))
        self.assert_same()

    def test_a_file_that_was_taken_away_is_missed(self):
        self.interrupted()
        (self.out / "tensors.npy").unlink()
        self.assert_one_line(fc.forebay(*self.run_words("--resume")), 2, "tensors.npy is missing", "--force")

    def test_another_version_is_noted(self):
        self.interrupted()
        text = (self.out / "commit.log").read_bytes()
        self.assertIn(b'"libspng":"', text)
        # A manifest of the same length, whose checksum is made for it.
        other = re.sub(rb'"libspng":"\d', b'"libspng":"9', text)
        (self.out / "commit.log").write_bytes(compared.with_checksums(other))
        result = self.assert_done(fc.forebay(*self.run_words("--resume")))
        self.assertRegex(result.stderr, r"other versions: libspng 9\S+ \(now ")
        self.assertTrue(any("other versions" in note for note in fc.summary_of(self.out)["notes"]))
        self.assert_same()

    def test_a_damaged_end_costs_a_batch(self):
        self.interrupted(40)
        log = (self.out / "commit.log").read_bytes()
        frames = compared.frames_of(log)
        for kept in (log[:-1], log[: frames[-2] + 9], log + log[-100:], log[: frames[-3]] + b"\0" * 5000,
                     log[:-30] + b"\xff" * 30):
            copy = self.folder / "copy"
            shutil.copytree(self.out, copy)
            (copy / "commit.log").write_bytes(kept)
            self.assert_done(fc.forebay(*self.run_words("--resume", *OTHER, out=copy)))
            self.assertEqual(compared.difference(self.calm, copy, False), "")
            shutil.rmtree(copy)

    def test_sink_none_goes_on_too(self):
        words = self.run_words("--sink", "none")
        self.assert_done(fc.forebay(*words, "--limit", 24))
        self.assert_done(fc.forebay(*words, "--resume"))
        self.assertEqual(compared.without_attempts(fc.items_of(self.out)), compared.without_attempts(fc.items_of(self.calm)))

    def test_epochs_shuffles_and_shards_go_on_anywhere(self):
        plan = ["--shuffle", "--seed", 4, "--augment", "train", "--batch", 7]
        three = ["--epochs", 3]
        for number, more in enumerate((["--last-batch", "pad"], ["--last-batch", "drop", "--shard", "1/3"],
                                       ["--shard", "0/2"])):
            calm = self.folder / f"calm{number}"
            self.assert_done(fc.forebay(*self.run_words(*plan, *more, *three, out=calm)))
            total = len(fc.items_of(calm))
            self.out = self.folder / f"out{number}"
            for limit in (10, total // 2, total - 3):
                self.resume(*plan, *more, *three, "--limit", limit, "--workers", 1)
            self.assertIn("--epochs 1 is below the", fc.forebay(*self.run_words("--resume", *plan, *more)).stderr)
            self.resume(*plan, *more, *three, "--workers", 3)
            self.assertEqual(compared.difference(calm, self.out, False), "")
        self.resume(*plan, *more, "--epochs", 4)
        self.assertEqual(fc.summary_of(self.out)["items"], total // 3 * 4)


class Ends(ResumeTest):
    """Runs that end otherwise than by a crash point."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls.shared / "long.txt"
        cls.source.write_text("".join(f"{cls.pictures}/{number:02}.png\n" for number in range(compared.COUNT)) * 20)
        cls.pictures = f"@{cls.source}"
        cls.calm = cls.shared / "calm of the long list"
        assert fc.forebay("run", cls.pictures, "--out", cls.calm, *fc.SMALL).returncode == 0

    def begin(self, *words):
        """A run that stands still behind its fifth batch."""
        token = self.folder / "token"
        token.write_text("")
        process = self.start(*self.run_words(*ONE, *words), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                             env={**os.environ, "FOREBAY_CRASH_POINT": f"pipeline.commit.log=stop:5:{token}"})
        fc.wait_until(lambda: not token.exists(), "five batches")
        fc.wait_until(lambda: fc.state_of(process.pid) == "T", "it stands still")  # it stops behind the token's end
        return process

    def finish(self, process):
        _, stderr = process.communicate(timeout=fc.PATIENCE_S)
        return stderr

    def test_ctrl_c(self):
        process = self.begin()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        self.assertIn("the same command with --resume goes on", self.finish(process))
        self.assertEqual(process.returncode, 130)
        done = fc.summary_of(self.out)["items"]
        self.resume(*OTHER)
        self.assertEqual(fc.summary_of(self.out)["resumed_at"], done)
        self.assert_same()

    def test_kill(self):
        process = self.begin()
        process.kill()
        self.finish(process)
        self.resume(*OTHER)
        self.assertEqual(fc.summary_of(self.out)["resumed_at"], 5 * 8)
        self.assert_same()

    def test_two_cannot_go_on_with_one_run(self):
        process = self.begin()
        result = fc.forebay(*self.run_words("--resume"))
        self.assert_one_line(result, 2, "another run writes into")
        process.send_signal(signal.SIGKILL)

    def test_under_on_error_fail_the_bad_item_is_tried_again(self):
        words = ["run", f"@{self.folder / 'list.txt'}", "--out", self.out, *fc.SMALL, "--batch", "4"]
        fail = ["--on-error", "fail"]
        names = [self.shared / f"pictures/{number:02}.png" for number in range(compared.COUNT)]
        mended = self.folder / "03.png"
        mended.write_bytes(names[3].read_bytes())
        names[3] = mended
        (self.folder / "list.txt").write_text("".join(f"{name}\n" for name in names))
        result = self.assert_done(fc.forebay(*words, *fail), 1)
        self.assertIn("--resume", result.stderr)
        self.assertEqual(len(fc.items_of(self.out)), 4)
        self.assert_done(fc.forebay(*words, *fail, "--resume"), 1)  # it is still bad
        PIL.Image.effect_noise((70, 60), 43).convert("RGB").save(mended)
        self.assert_done(fc.forebay(*words, *fail, "--resume"), 1)  # but the next one is
        items = fc.items_of(self.out)
        self.assertEqual([item["index"] for item in items], list(range(18)))
        self.assertEqual([item["status"] for item in items], ["ok"] * 17 + ["error"])
        self.assert_done(fc.forebay(*words, "--resume"))
        self.assertEqual(len(fc.tensors_of(self.out)), compared.COUNT - 2)

    def test_quarantine_goes_on(self):
        large = self.folder / "large.png"
        PIL.Image.effect_noise((3000, 3000), 50).convert("RGB").save(large, compress_level=1)
        names = [str(large), *[f"{self.shared}/pictures/{number:02}.png" for number in range(3)] * 10, str(large)]
        (self.folder / "list.txt").write_text("".join(f"{name}\n" for name in names))
        words = ["run", f"@{self.folder / 'list.txt'}", "--out", self.out, *fc.SMALL, "--batch", "4", "--attempts", "1",
                 "--item-memory-mb", "24", "--quiet"]
        self.assert_done(fc.forebay(*words, "--limit", 20))
        with open(self.out / "quarantine.jsonl", "a") as lines:
            lines.write('{"index": 21, "half a line')
        self.assert_done(fc.forebay(*words, "--resume"))
        quarantined = [json.loads(line)["index"] for line in (self.out / "quarantine.jsonl").read_text().splitlines()]
        self.assertEqual(quarantined, [0, 31])
        self.assertEqual(fc.summary_of(self.out)["errors"]["memory_limit"], 2)

    def test_lines_that_wait_are_compared_with_the_sources_too(self):
        slow = self.folder / "slow.png"
        PIL.Image.effect_noise((4000, 4000), 50).convert("RGB").save(slow, compress_level=1)
        names = [slow, *[self.shared / f"pictures/{number:02}.png" for number in range(compared.COUNT)]]
        self.pictures = f"@{self.folder / 'list.txt'}"
        def write(names):
            (self.folder / "list.txt").write_text("".join(f"{name}\n" for name in names))
        write(names)
        self.calm = self.folder / "calm"
        self.assert_done(fc.forebay(*self.run_words(out=self.calm)))
        words = ["--order", "completion"]
        for _ in range(5):  # one worker is to write five batches while the other decodes the first picture
            shutil.rmtree(self.out, ignore_errors=True)
            process = self.begin(*words)
            process.kill()
            self.finish(process)
            if not fc.items_of_partial(self.out):
                break
        self.assertEqual(fc.items_of(self.out), [], "all lines wait for the first")
        write([*names[:12], names[5], *names[13:]])
        self.assert_one_line(fc.forebay(*self.run_words("--resume", *words)), 2, "the sources have changed",
                             "11.png, and is ", "04.png")
        write(names)
        self.resume(*words, *OTHER)
        self.assertEqual(fc.summary_of(self.out)["resumed_at"], 40)
        self.assert_same(completion=True)

    def test_a_full_disk_that_is_freed(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "forebay-test", disk]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            self.skipTest("not allowed to mount a small tmpfs: the full disk is not tested")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        self.out = disk / "out"
        words = ["--batch", "4"]
        result = self.assert_done(fc.forebay(*self.run_words(*words)), 3)
        self.assertIn("--resume", result.stderr)
        kept = int(re.search(r"kept (\d+) rows", result.stderr).group(1))
        self.assertGreater(kept, 8)
        self.assertEqual(len(fc.tensors_of(self.out)), kept)
        for _ in range(2):  # still full: nothing is lost by trying
            self.assert_done(fc.forebay(*self.run_words(*words, "--resume")), 3)
            self.assertGreaterEqual(len(fc.tensors_of(self.out)), kept)
        subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
        self.resume(*words)
        self.assert_same()


if __name__ == "__main__":
    fc.main()
