"""The soak's command line: what it does not know is refused before anything is started. Usage: soak_usage_test.py SOAK"""

import subprocess
import sys
import unittest

SOAK = sys.argv.pop()


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([SOAK, *arguments], capture_output=True, text=True, timeout=120, check=False)


class Usage(unittest.TestCase):
    def test_help_is_no_error(self) -> None:
        shown = run("--help")
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.assertTrue(shown.stdout.startswith("usage: "))

    def test_what_is_unknown_or_no_number_is_refused(self) -> None:
        for wrong in (["--kill", "5"], ["kills"], ["--kills"], ["--kills", "many"], ["--seed", "-1"],
                      ["--seed", "1", "--help"], ["--parents", "1", "2"], ["--version"]):
            refused = run(*wrong)
            self.assertEqual((refused.returncode, refused.stdout), (2, ""), wrong)
            self.assertIn("usage: ", refused.stderr, wrong)

    def test_flags_are_obeyed(self) -> None:
        done = run("--parents", "0", "--seed", "7", "--kills", "3")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("seed 7: 3 kills", done.stdout)
        self.assertIn("0 parents killed", done.stdout)


if __name__ == "__main__":
    unittest.main()
