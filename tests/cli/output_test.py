"""What a run leaves: never over something else, never torn, and readable at every moment."""

import os
import pathlib
import pty
import re
import select
import subprocess

import forebay_command as fc
import numpy
import PIL.Image


class Files(fc.CommandTest):
    def test_nothing_is_overwritten_without_force(self):
        self.write_picture("a.jpg")
        run = ["run", self.folder / "a.jpg", "--out", self.out, "--quiet"]
        self.assert_done(fc.forebay(*run))
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        self.assertEqual(set(before), {"tensors.npy", "items.jsonl", "summary.json", "contact_sheet.png", "commit.log"})
        self.assert_one_line(fc.forebay(*run), 2, "tensors.npy exists", "--force")
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, before)
        for name in before:
            for other in set(before) - {name}:
                (self.out / other).unlink(missing_ok=True)
            if (self.out / name).exists():
                self.assert_one_line(fc.forebay(*run), 2, f"{name} exists", "--force")
            self.assert_done(fc.forebay(*run, "--force"))

    def test_force_with_another_sink_leaves_no_stale_tensors(self):
        self.write_picture("a.jpg")
        run = ["run", self.folder / "a.jpg", "--out", self.out, "--quiet", "--force"]
        self.assert_done(fc.forebay(*run))
        self.assert_done(fc.forebay(*run, "--sink", "none"))
        self.assertFalse((self.out / "tensors.npy").exists())
        self.assertEqual(len(fc.items_of(self.out)), 1)

    def test_two_runs_cannot_share_a_folder(self):
        first = self.start("run", self.long_list(), "--out", self.out, "--quiet", *fc.SMALL)
        fc.wait_until(lambda: (self.out / "items.jsonl").exists(), "the first run begins")
        result = fc.forebay("run", self.folder / "busy.jpg", "--out", self.out, "--force")
        self.assert_one_line(result, 2, "another run writes into")
        first.kill()

    def test_the_sheet_shows_the_pictures(self):
        self.write_picture("tree/a.png", (256, 256), (255, 0, 0))
        self.write_picture("tree/b.png", (300, 256), (0, 0, 255))
        self.assert_done(fc.forebay("run", self.folder / "tree", "--out", self.out))
        sheet = PIL.Image.open(self.out / "contact_sheet.png")
        self.assertEqual(sheet.size, (4 + 2 * 132, 4 + 132))
        self.assertEqual(sheet.getpixel((68, 68)), (255, 0, 0))
        self.assertEqual(sheet.getpixel((200, 68)), (0, 0, 255))

    def test_a_full_disk_keeps_what_was_finished(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "forebay-test", disk], capture_output=True)
        if mount.returncode != 0:
            self.skipTest("not allowed to mount a small tmpfs: the full disk is not tested")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        result = fc.forebay("run", self.long_list(500), "--out", disk / "out", "--batch", "4", "--quiet")
        self.assert_done(result, 3)
        self.assertRegex(result.stderr, r"No space left on device; free some space or choose another --out")
        kept = int(re.search(r"kept (\d+) rows", result.stderr).group(1))
        self.assertGreater(kept, 0)
        self.assertEqual(len(fc.tensors_of(disk / "out")), kept)
        self.assertEqual(len(fc.items_of(disk / "out")), kept)
        if (disk / "out/summary.json").exists():  # where there was room for it
            self.assertEqual(fc.summary_of(disk / "out")["rows"], kept)

    def test_the_death_of_the_coordinator_leaves_valid_files_and_no_process(self):
        process = self.start("run", self.long_list(), "--out", self.out, "--quiet", "--batch", "8", *fc.SMALL)
        fc.wait_until(lambda: (self.out / "items.jsonl").exists() and len(fc.items_of_partial(self.out)) > 100,
                      "a hundred items")
        children = fc.children_of(process.pid)
        self.assertGreater(len(children), 0)
        process.kill()
        process.wait(timeout=fc.PATIENCE_S)
        fc.wait_until(lambda: not any(map(fc.is_alive, children)), "every child is gone")
        tensors = fc.tensors_of(self.out)
        items = fc.items_of_partial(self.out)
        self.assertGreaterEqual(len(tensors), len(items))
        self.assertTrue((tensors[: len(items)] == tensors[0]).all(), "every recorded row is whole")


class Progress(fc.CommandTest):
    def run_in_terminal(self, *words, columns=100):
        """The command on a pseudo-terminal; what it drew."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        env = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
        subprocess.run(["stty", "cols", str(columns)], stdin=slave, check=True)
        process = self.start(*words, stderr=slave, stdout=subprocess.DEVNULL, env=env)
        os.close(slave)
        drawn = b""
        while True:
            ready, _, _ = select.select([master], [], [], fc.PATIENCE_S)
            self.assertTrue(ready, "the command hangs")
            try:
                part = os.read(master, 65536)
            except OSError:  # the last writer has closed the terminal
                break
            drawn += part
            if not part:
                break
        self.assertEqual(process.wait(timeout=fc.PATIENCE_S), 0)
        return drawn.decode()

    def test_a_terminal_gets_one_line_redrawn_in_place(self):
        drawn = self.run_in_terminal("run", self.long_list(6000), "--sink", "none")
        frames = [frame for frame in re.split(r"\r(?:\x1b\[K)?", drawn) if "items" in frame and "busy" in frame]
        self.assertGreater(len(frames), 1, drawn)
        for frame in frames:
            self.assertLess(len(frame.replace("\x1b[K", "")), 100)
        self.assertTrue(any(re.search(r"\[=*>? *\] +\d+% \d+/6000 items +\d+/s +ETA \d+:\d\d", f) for f in frames), drawn)
        self.assertTrue(drawn.endswith("\r\x1b[K"), "the line is gone at the end")

    def test_a_narrow_terminal_cuts_the_line(self):
        drawn = self.run_in_terminal("run", self.long_list(3000), "--sink", "none", columns=20)
        for frame in re.split(r"[\r\n]", drawn.replace("\x1b[K", "")):
            if "forebay:" not in frame:
                self.assertLess(len(frame), 20)

    def test_quiet_draws_nothing(self):
        self.assertEqual(self.run_in_terminal("run", self.long_list(1000), "--sink", "none", "--quiet"), "")

    def test_a_file_gets_no_control_characters(self):
        result = self.assert_done(fc.forebay("run", self.long_list(1000), "--sink", "none", "--device", "cpu"))
        self.assertNotIn("\r", result.stderr)
        self.assertNotIn("\x1b", result.stderr)
        self.assertRegex(result.stdout, r"^1000 rows of 1000 items in [\d.]+ s: \d+ items/s")


if __name__ == "__main__":
    fc.main()
