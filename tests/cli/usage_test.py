"""What makes no sense is exit code 2 and one clear line, before anything is started or written."""

import forebay_command as fc


class Usage(fc.CommandTest):
    def setUp(self):
        super().setUp()
        self.picture = self.write_picture("a.jpg")

    def refuse(self, words, *parts):
        self.assert_one_line(fc.forebay(*words), 2, *parts)
        self.assertFalse(self.out.exists())

    def test_commands(self):
        self.refuse([], "run or doctor")
        self.refuse(["fly"], "fly")
        self.refuse(["run"], "SOURCE")
        self.refuse(["doctor", "--no-such"], "--no-such")

    def test_values(self):
        for words, part in [
            (["--batch", "0"], "1 to 65536"), (["--batch", "x"], "not 'x'"), (["--crop", "0"], "--crop"),
            (["--resize", "99999"], "16384"), (["--filter", "cubic"], "bicubic"), (["--dtype", "f64"], "bf16"),
            (["--layout", "hwc"], "nhwc"), (["--workers", "-1"], "--workers"), (["--device", "tpu"], "cuda:N"),
            (["--placement", "gpu"], "owner"), (["--on-error", "ignore"], "skip"), (["--sink", "zarr"], "none"),
            (["--order", "any"], "completion"), (["--seed", "1.5"], "--seed"), (["--limit", "-3"], "--limit"),
            (["--slot-mb", "0"], "--slot-mb"), (["--slots", "1"], "2 to 256"), (["--mean", "1,2"], "--mean"),
            (["--std", "0,1,1"], "above 0"), (["--augment", "yes"], "train"), (["--decode", "half"], "whole"),
            (["--mean", "1e39,0,0"], "32-bit float"), (["--no-such-option"], "--no-such-option"),
        ]:
            with self.subTest(words=words):
                self.refuse(["run", self.picture, "--out", self.out, *words], part)

    def test_contradictions(self):
        run = ["run", self.picture, "--out", self.out]
        self.refuse([*run, "--dtype", "u8", "--mean", "0,0,0"], "--mean", "u8")
        self.refuse([*run, "--dtype", "u8", "--std", "1 1 1"], "--std", "u8")
        self.refuse(["run", self.picture], "--out")
        self.refuse([*run, "--slot-mb", "0.1"], "150528", "--slot-mb")

    def test_sources(self):
        empty = self.folder / "empty"
        (empty / "sub").mkdir(parents=True)
        (empty / "notes.txt").write_text("x")
        blank = self.folder / "blank.txt"
        blank.write_text("\n\n")
        self.refuse(["run", "/no/such/folder", "--out", self.out], "/no/such/folder", "No such file")
        self.refuse(["run", "@/no/such.txt", "--out", self.out], "/no/such.txt")
        self.refuse(["run", empty, "--out", self.out], "no pictures in", str(empty), "1 file")
        self.refuse(["run", f"@{blank}", "--out", self.out], "no pictures in")
        self.refuse(["run", "", "--out", self.out], "empty source")

    def test_out(self):
        file = self.folder / "file"
        file.write_text("x")
        self.assert_one_line(fc.forebay("run", self.picture, "--out", file), 2, str(file), "not a folder")

    def test_no_such_device(self):
        if fc.pathlib.Path("/dev/nvidiactl").exists():
            self.skipTest("this machine has a driver")
        self.assert_one_line(fc.forebay("run", self.picture, "--out", self.out, "--device", "cuda:0"), 3)
        self.assertFalse(self.out.exists())

    def test_help_and_version(self):
        for words in (["--help"], ["run", "--help"], ["doctor", "--help"]):
            result = self.assert_done(fc.forebay(*words))
            self.assertEqual(result.stderr, "")
        text = fc.forebay("run", "--help").stdout
        for option in ("--resize", "--crop", "--filter", "--mean", "--std", "--dtype", "--layout", "--batch",
                       "--workers", "--device", "--placement", "--on-error", "--sink", "--order", "--seed", "--limit",
                       "--slot-mb", "--slots", "--quiet", "--json", "--version", "--help", "--out", "--force",
                       "--no-exif", "--decode", "--strict", "--augment"):
            self.assertIn(option, text)
        for code in ("0 done", "1 a picture failed", "2 wrong usage", "3 the machine refuses", "130 interrupted"):
            self.assertIn(code, text)
        self.assertTrue(all(len(line) <= 120 for line in text.splitlines()), text)
        for words in (["--version"], ["run", "--version"]):
            result = self.assert_done(fc.forebay(*words))
            self.assertRegex(result.stdout, r"^forebay \d+\.\d+\.\d+ \(\w*, CUDA module: (yes|no)\)\n$")


if __name__ == "__main__":
    fc.main()
