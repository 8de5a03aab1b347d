"""Ctrl+C: the first stops in order and keeps what is finished, the second stops at once; no process is left."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time

import forebay_command as fc

STOP_S = 5  # the promise is a second, on a machine that is not busy with other tests


class Interrupt(fc.CommandTest):
    def begin(self, *words):
        """A run that has delivered something and would go on for long."""
        process = self.start("run", self.long_list(), "--batch", "16", *fc.SMALL, *words, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        if "none" not in words:
            fc.wait_until(lambda: fc.has_items(self.out), "the first batch")
        fc.wait_until(lambda: len(fc.children_of(process.pid)) > 0, "workers")
        return process, fc.children_of(process.pid)

    def finish(self, process, children):
        stdout, stderr = process.communicate(timeout=fc.PATIENCE_S)
        fc.wait_until(lambda: not any(map(fc.is_alive, children)), "every child is gone")
        return stdout, stderr

    def check_kept(self, stderr):
        kept = re.search(r"interrupted; kept (\d+) rows of (\d+) items in (\S+)", stderr)
        self.assertIsNotNone(kept, stderr)
        rows, items = int(kept.group(1)), int(kept.group(2))
        self.assertGreater(rows, 0)
        self.assertEqual(len(fc.tensors_of(self.out)), rows)
        self.assertEqual([item["index"] for item in fc.items_of(self.out)], list(range(items)))
        summary = fc.summary_of(self.out)
        self.assertTrue(summary["interrupted"])
        self.assertEqual((summary["rows"], summary["items"]), (rows, items))

    def test_the_first_signal_keeps_what_is_finished(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                self.out = self.folder / number.name
                process, children = self.begin("--out", self.out)
                process.send_signal(number)
                _, stderr = self.finish(process, children)
                self.assertEqual(process.returncode, 130, stderr)
                self.check_kept(stderr)

    def test_in_completion_order_too(self):
        process, children = self.begin("--out", self.out, "--order", "completion", "--workers", "3")
        process.send_signal(signal.SIGINT)
        _, stderr = self.finish(process, children)
        self.assertEqual(process.returncode, 130, stderr)
        items = fc.items_of(self.out)
        indices = [item["index"] for item in items]
        self.assertEqual(indices, sorted(set(indices)))
        self.assertEqual(sorted(item["row"] for item in items), list(range(len(fc.tensors_of(self.out)))))

    def test_json_is_printed_and_says_interrupted(self):
        process, children = self.begin("--out", self.out, "--json", "--quiet")
        process.send_signal(signal.SIGINT)
        stdout, stderr = self.finish(process, children)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertTrue(fc.json.loads(stdout)["interrupted"])

    def test_a_stopped_terminal_group_does_not_reach_the_workers(self):
        """Ctrl+C goes to the foreground process group: the workers are in groups of their own."""
        process, children = self.begin("--out", self.out)
        for child in children:
            self.assertEqual(fc.os.getpgid(child), child)
        process.send_signal(signal.SIGINT)
        self.finish(process, children)

    def test_a_second_signal_stops_at_once_and_leaves_valid_files(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, bytes(4096))  # full: a run that has ended cannot print its JSON
        process = self.start("run", self.write_picture("a.jpg"), "--out", self.out, "--json", "--quiet", stdout=writer,
                             stderr=subprocess.PIPE, text=True)
        fc.wait_until(lambda: fc.is_waiting_to_write(process.pid), "it waits for its reader")
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)  # a person's second Ctrl+C is no part of the first
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=fc.PATIENCE_S)
        os.close(reader)
        os.close(writer)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertIn("stopped at once", stderr)
        self.assertEqual(len(fc.tensors_of(self.out)), 1)

    def test_two_signals_together_are_one_wish(self):
        """A terminal that closes, and `timeout`, signal the process and then its group."""
        for first, second in ((signal.SIGHUP, signal.SIGHUP), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGHUP)):
            with self.subTest(signals=(first.name, second.name)):
                for attempt in range(3):  # a watch that a busy machine holds up between both takes them for two
                    self.out = self.folder / f"{first.name}-{second.name}-{attempt}"
                    process, stderr = self.signal_twice(first, second)
                    if "stopped at once" not in stderr:
                        break
                self.assertEqual(process.returncode, 130, stderr)
                self.check_kept(stderr)

    def signal_twice(self, first, second):
        process, children = self.begin("--out", self.out)
        process.send_signal(signal.SIGSTOP)  # so that both are pending together, where they are two
        process.send_signal(first)
        process.send_signal(second)
        process.send_signal(signal.SIGCONT)
        if first == second:
            process.send_signal(second)
        return process, self.finish(process, children)[1]

    def test_a_large_batch_is_cut(self):
        self.stop_large(signal.SIGINT, "--batch", "3000", "--dtype", "f32")
        summary = fc.summary_of(self.out)
        self.assertEqual((len(fc.tensors_of(self.out)), len(fc.items_of(self.out))), (summary["rows"], summary["items"]))

    def test_a_large_picture_is_given_up(self):
        self.stop_large(signal.SIGTERM, "--batch", "1", "--resize", "6000", "--crop", "6000", "--workers", "1")

    def stop_large(self, number, *words):
        """Stops a run in its first batch; the best of three counts, for a busy machine may be late."""
        words = ["run", self.long_list(), "--out", self.out, *words]
        for finding in fc.json.loads(fc.forebay("doctor", "--json", *words).stdout)["findings"]:
            if (finding["name"], finding["state"]) == ("memory", "lacks"):
                self.skipTest(finding["text"])
        seconds = []
        while not seconds or seconds[-1] >= STOP_S:
            self.assertLess(len(seconds), 3, f"took {seconds} s")
            shutil.rmtree(self.out, ignore_errors=True)
            process = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            fc.wait_until(lambda: (self.out / "items.jsonl").exists(), "a run")
            time.sleep(0.7)  # into the first batch, which takes seconds
            children = fc.children_of(process.pid)
            begun = time.monotonic()
            process.send_signal(number)
            _, stderr = self.finish(process, children)
            seconds.append(time.monotonic() - begun)
            self.assertEqual(process.returncode, 130, stderr)
            self.assertTrue(fc.summary_of(self.out)["interrupted"])

    def test_a_list_from_a_pipe_that_waits(self):
        fifo = self.folder / "list"
        os.mkfifo(fifo)
        process = self.start("run", f"@{fifo}", "--out", self.out, stderr=subprocess.PIPE, text=True)
        with open(fifo, "w") as pipe:
            print(self.write_picture("a.jpg"), file=pipe, flush=True)
            fc.wait_until(lambda: (self.out / "items.jsonl").exists(), "a run")
            children = fc.children_of(process.pid)
            process.send_signal(signal.SIGINT)
            _, stderr = self.finish(process, children)  # while the pipe is open
        self.assertEqual(process.returncode, 130, stderr)
        self.assertTrue(fc.summary_of(self.out)["interrupted"])

    def test_before_the_first_item(self):
        fifo = self.folder / "list"
        fc.os.mkfifo(fifo)
        process = self.start("run", f"@{fifo}", "--out", self.out, stderr=subprocess.PIPE, text=True)
        with open(fifo, "w"):  # opened on both sides now: the command waits for a first line
            fc.wait_until(lambda: "SigBlk" in fc.pathlib.Path(f"/proc/{process.pid}/status").read_text(), "a process")
            fc.wait_until(lambda: len(list(fc.pathlib.Path(f"/proc/{process.pid}/task").iterdir())) > 1, "its watch")
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=fc.PATIENCE_S)
        self.assertEqual(process.returncode, 130, stderr)
        self.assertFalse(self.out.exists())


if __name__ == "__main__":
    fc.main()
