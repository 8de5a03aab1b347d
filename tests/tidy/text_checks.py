"""Checks of any text file: columns, white space, unfinished work, paths of one machine."""

import re
from collections.abc import Iterator

import limits
from finding import Finding
from source_file import SourceFile

_ONE_MACHINE = re.compile(r"(?<![\w.$}])/(home|root|Users|work)/")
_PROSE_OR_DATA = (".md", ".json", ".txt", "LICENSE")


def lines(file: SourceFile) -> Iterator[Finding]:
    columns_max = limits.COLUMNS_MAX if file.suffix in (".h", ".cpp", ".cu", ".cuh") else limits.COLUMNS_MAX_SCRIPT
    has_columns = not file.path.endswith(_PROSE_OR_DATA) or file.path.endswith("CMakeLists.txt")
    for number, line in enumerate(file.lines, 1):
        if has_columns and len(line) > columns_max:
            yield Finding(file.path, number, "columns", f"{len(line)} columns; at most {columns_max}")
        if line != line.rstrip():
            yield Finding(file.path, number, "space", "white space at the end")
        if "\t" in line:
            yield Finding(file.path, number, "space", "a tab")
    if file.text and not file.text.endswith("\n"):
        yield Finding(file.path, len(file.lines), "space", "no newline at the end")


def unfinished(file: SourceFile) -> Iterator[Finding]:
    for number, line in enumerate(file.lines, 1):
        match = re.search(limits.UNFINISHED, line)
        if match:
            yield Finding(file.path, number, "unfinished", f"{match.group()}: do it, or write an issue")


def one_machine(file: SourceFile) -> Iterator[Finding]:
    for number, line in enumerate(file.lines, 1):
        match = _ONE_MACHINE.search(line)
        if match:
            yield Finding(file.path, number, "machine", f"{match.group()}... exists on one machine only")


PER_FILE = (lines, unfinished, one_machine)
