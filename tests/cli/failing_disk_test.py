"""A disk or quota that says no at any write of a run: an orderly end that names the file, and --resume goes on."""

import errno
import itertools
import os
import re
import shutil
import unittest

import compared_runs as compared
import forebay_command as fc

BAD_DISK = os.environ.get("FOREBAY_BAD_DISK")
# A quota stays exceeded; a medium may fail once, or for good.
WAYS = [(errno.EDQUOT, "on"), (errno.EIO, "once"), (errno.EIO, "on"), (errno.ENOSPC, "once")]
MOST_CALLS = 40  # of one kind, on one file, in the run of this test


@unittest.skipUnless(BAD_DISK, "needs the library that ctest names")
class FailingDisk(compared.ComparedRuns):
    def words(self, *words):
        return ["run", self.pictures, "--out", self.out, *fc.SMALL, "--quiet", "--batch", "16", *words]

    def run_with(self, call, name, number, error, how, *words):
        env = {**os.environ, "LD_PRELOAD": BAD_DISK,
               "FOREBAY_TEST_FAILING_CALL": f"{call} {name} {number} {error} {how}"}
        return fc.forebay(*self.words(*words), env=env)

    def fails_everywhere(self, call, name, *words):
        """The run with its first, second, ... such call failing, until it has no more of them."""
        ways = itertools.cycle(WAYS)
        for number in range(1, MOST_CALLS):
            error, how = next(ways)
            where = f"{call} {number} of {name}, {errno.errorcode[error]} {how}"
            result = self.run_with(call, name, number, error, how, *words)
            if result.returncode == 0:
                self.assertEqual(compared.difference(self.calm, self.out, False), "", where)
                shutil.rmtree(self.out)
                return number - 1
            self.assertEqual(result.returncode, 3, f"{where}: {result.stderr}")
            self.assertIn(os.strerror(error), result.stderr, where)
            # Where all calls fail from then on, another file may be the first to say so.
            self.assertRegex(result.stderr, "/out/" if how == "on" else re.escape(name), where)
            if error in (errno.EDQUOT, errno.ENOSPC):
                self.assertIn("free some space or choose another --out", result.stderr, where)
            # Where nothing had been begun, --resume begins.
            result = fc.forebay(*self.words("--resume", *words))
            self.assertEqual(result.returncode, 0, f"{where}, resumed: {result.stderr}")
            self.assertEqual(compared.difference(self.calm, self.out, False), "", f"{where}, resumed")
            shutil.rmtree(self.out)
        self.fail(f"more than {MOST_CALLS} calls of {call} on {name}")

    def test_every_write(self):
        counts = {}
        for name in ("/tensors.npy", "/items.jsonl", "/commit.log", "/summary.json", "/contact_sheet.png"):
            counts[name] = self.fails_everywhere("pwrite", name)
            self.assertGreater(counts[name], 0, name)
        print(f"writes that failed, each resumed to the bytes of a run without: {counts}")

    def test_every_sync_and_cut(self):
        counts = {}
        for call, name in itertools.product(("fdatasync", "ftruncate", "fallocate"),
                                            ("/tensors.npy", "/items.jsonl", "/commit.log")):
            counts[f"{call} {name}"] = self.fails_everywhere(call, name, "--durable")
        self.assertGreater(sum(counts.values()), 5)
        print(f"calls that failed, each resumed to the bytes of a run without: {counts}")

    def test_a_write_that_does_half_goes_on(self):
        for name in ("/tensors.npy", "/items.jsonl", "/commit.log", "/summary.json", "/contact_sheet.png"):
            for number in (1, 2, 3):
                result = self.run_with("pwrite", name, number, 0, "once")
                self.assert_done(result)
                self.assertEqual(compared.difference(self.calm, self.out, False), "", name)
                shutil.rmtree(self.out)


if __name__ == "__main__":
    fc.main()
