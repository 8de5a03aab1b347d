"""Checks of the tests, on planted violations."""

import unittest

import test_checks
from source_file import SourceFile


class Skips(unittest.TestCase):
    @staticmethod
    def lines(text: str) -> list[int]:
        return [found.line for found in test_checks.skips(SourceFile("tests/a/a_test.cpp", text))]

    def test_a_skip_without_a_reason_is_found(self):
        self.assertEqual(self.lines("\nif (!x) GTEST_SKIP();\n"), [2])
        self.assertEqual(self.lines("GTEST_SKIP( )\n    ;\n"), [1])

    def test_a_skip_with_a_reason_is_not(self):
        self.assertEqual(self.lines('GTEST_SKIP() << "no photos";\n'), [])
        self.assertEqual(self.lines('GTEST_SKIP()\n    << "no photos";\n'), [])
        self.assertEqual(self.lines('// GTEST_SKIP();\nauto s = "GTEST_SKIP();";\n'), [])


class Registered(unittest.TestCase):
    @staticmethod
    def found(build: str, path: str = "tests/a/usage_test.py") -> list[str]:
        texts = {"tests/a/CMakeLists.txt": build}
        return [found.rule for found in test_checks.registered(SourceFile(path, ""), texts)]

    def test_a_script_that_nobody_runs_is_found(self):
        self.assertEqual(self.found(""), ["registered"])
        self.assertEqual(self.found("add_test(x other_usage_test.py)\n"), ["registered"])
        self.assertEqual(self.found("foreach(topic run)\n${topic}_test.py\n"), ["registered"])
        self.assertEqual(self.found("# usage\nadd_test(x ${topic}_test.py)\n"), ["registered"])
        self.assertEqual(self.found("usage_test.py", "tests/b/usage_test.py"), ["registered"])

    def test_a_registered_script_is_not(self):
        self.assertEqual(self.found("forebay_python_test(x usage_test.py)\n"), [])
        self.assertEqual(self.found("foreach(topic run usage)\n${topic}_test.py\n"), [])
        self.assertEqual(self.found("", "tests/a/helper.py"), [])
        self.assertEqual(self.found("", "samples/a_test.py"), [])


if __name__ == "__main__":
    unittest.main()
