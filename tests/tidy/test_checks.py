"""Checks of the tests: each one runs, and a test that does not run says why."""

import re
from collections.abc import Iterator, Mapping

from finding import Finding
from source_file import SourceFile

# A skip with a reason streams it into the macro.
_SKIP = re.compile(r"\bGTEST_SKIP\s*\(\s*\)\s*(<<)?")


def skips(file: SourceFile) -> Iterator[Finding]:
    """A test that skips itself says which resource is absent."""
    code = file.code()
    for match in _SKIP.finditer(code):
        if match.group(1) is None:
            yield Finding(file.path, code.count("\n", 0, match.start()) + 1, "skip", "GTEST_SKIP() without a reason")


def registered(file: SourceFile, texts: Mapping[str, str]) -> Iterator[Finding]:
    """A *_test.py that the CMakeLists.txt beside it does not name (by its topic, in a loop) is run by nobody."""
    folder, _, name = file.path.rpartition("/")
    if file.folder != "tests" or not name.endswith("_test.py"):
        return
    topic = name.removesuffix("_test.py")
    build = texts.get(f"{folder}/CMakeLists.txt", "")
    in_a_loop = "}_test.py" in build and re.search(rf"foreach\([^)]*\b{re.escape(topic)}\b", build)
    if not in_a_loop and not re.search(rf"(?<!\w){re.escape(name)}", build):
        yield Finding(file.path, 1, "registered", f"{folder}/CMakeLists.txt does not name it: nobody runs it")
