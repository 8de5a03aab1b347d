"""Holds the tree to its style. Usage: tidy.py ROOT   Exit: 0 clean, 1 findings (one a line), 77 not a git checkout.

What it checks: code_checks.py (the arrow, banned calls, sizes), text_checks.py (columns, white space),
test_checks.py (each test runs, or says why not), docs_checks.py (what the prose quotes exists), and that
clang-format would change nothing.
"""

import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import code_checks
import docs_checks
import test_checks
import text_checks
from finding import Finding
from source_file import SourceFile

# clang-format's output differs from one major version to the next; Debian 12's is the one that counts.
CLANG_FORMAT_VERSION = "version 14."


def tracked_files(root: pathlib.Path) -> list[str]:
    output = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=True, text=True).stdout
    return [path for path in output.split("\0") if path and (root / path).is_file()]


def read_text_files(root: pathlib.Path, paths: list[str]) -> list[SourceFile]:
    files = []
    for path in paths:
        if "/trees/" in path:  # recorded /proc and /sys trees: data, byte for byte
            continue
        try:
            files.append(SourceFile.read(root, path))
        except UnicodeDecodeError:
            pass  # a picture, say
    return files


def clang_format(root: pathlib.Path, files: list[SourceFile]) -> Iterator[Finding]:
    """Findings where clang-format would change a file. Says on stdout when it cannot look."""
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout if program else ""
    if CLANG_FORMAT_VERSION not in version:
        print(f"tidy: formatting is not checked: this needs clang-format {CLANG_FORMAT_VERSION}x, not {version!r}")
        return
    paths = [file.path for file in files if file.is_cxx]
    report = subprocess.run([program, "--dry-run", "--style=file", *paths], cwd=root, capture_output=True, text=True)
    if report.returncode != 0:
        yield Finding(".clang-format", 1, "format", report.stderr.strip())
    unformatted: dict[str, int] = {}
    for path, line in re.findall(r"^([^\s:]+):(\d+):\d+: warning: .*-Wclang-format", report.stderr, re.MULTILINE):
        unformatted.setdefault(path, int(line))
    for path, line in unformatted.items():
        yield Finding(path, line, "format", "clang-format would change this file: scripts/format")


def all_findings(root: pathlib.Path) -> list[Finding]:
    paths = tracked_files(root)
    files = read_text_files(root, paths)
    texts = {file.path: file.text for file in files}
    vocabulary = docs_checks.Vocabulary(files, set(paths))
    findings: list[Finding] = []
    for file in files:
        for check in text_checks.PER_FILE:
            findings.extend(check(file))
        if file.is_cxx:
            for check in code_checks.PER_FILE:
                findings.extend(check(file))
            findings.extend(test_checks.skips(file))
        findings.extend(test_checks.registered(file, texts))
        if file.suffix == ".md":
            findings.extend(docs_checks.references(file, vocabulary))
    findings.extend(code_checks.macros(files))
    findings.extend(docs_checks.changelog(files))
    findings.extend(clang_format(root, files))
    return sorted(findings)


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    if not (root / ".git").exists() or not shutil.which("git"):
        print("tidy: not a git checkout: nothing says which files belong to the project")
        return 77
    findings = all_findings(root)
    for found in findings:
        print(found)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
