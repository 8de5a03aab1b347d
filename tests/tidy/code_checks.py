"""Checks of one C++ file at a time: the arrow, banned calls, sizes. Each yields what it finds."""

import re
from collections.abc import Iterable, Iterator

import limits
from finding import Finding
from functions import functions_of
from source_file import SourceFile

_QUOTED_INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
_DEFINE = re.compile(r"\s*#\s*define\s+(\w+)")
_BYTE_COPY = re.compile(r"\b(memcpy|memmove|mempcpy|bcopy)\s*\(|\bstd::(ranges::)?copy(_n|_backward)?\s*\(")


def arrow(file: SourceFile) -> Iterator[Finding]:
    """host <- device <- pipeline <- everything else; quoted includes are named from the root."""
    for number, line in enumerate(file.lines, 1):
        match = _QUOTED_INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        part = target.split("/", 1)[0]
        if "/" not in target or target.startswith("."):
            yield Finding(file.path, number, "include", f'"{target}" is not named from the root of the tree')
        elif file.folder in limits.ARROW:
            allowed = limits.ARROW[: limits.ARROW.index(file.folder) + 1]
            if part not in allowed:
                yield Finding(file.path, number, "arrow", f"{file.folder} may include {', '.join(allowed)} only")
        elif part == "tests" and file.folder != "tests":
            yield Finding(file.path, number, "arrow", "only tests include tests")


def banned(file: SourceFile) -> Iterator[Finding]:
    code = file.code_lines()
    for pattern, folders, instead in limits.BANNED:
        if file.folder not in folders and "" not in folders:
            continue
        for number, line in enumerate(code, 1):
            match = re.search(pattern, line)
            allowed = match and (
                (file.path.startswith(limits.PRINTERS) and re.search(limits.PRINTING, match.group()))
                or (file.path in limits.FORKERS and re.search(limits.FORKING, match.group())))
            if match and not allowed:
                yield Finding(file.path, number, "banned", f"{match.group().strip()}: {instead}")
    for pattern, folders, why in (
        (limits.CUDA_SPELLED, limits.CUDA_FOLDERS, "CUDA is spelled in device/cuda only"),
        (limits.CUDA_RAW, limits.CUDA_RAW_FOLDERS, "only the class that frees it calls this"),
    ):
        if file.path.startswith(folders):
            continue
        for number, line in enumerate(code, 1):
            match = re.search(pattern, line)
            if match:
                yield Finding(file.path, number, "cuda", f"{match.group().strip()}: {why}")


def byte_copies(file: SourceFile) -> Iterator[Finding]:
    """Nothing is merely copied: a file that copies bytes is on the list, with what it copies."""
    if not file.is_library or file.path in limits.BYTE_COPIES:
        return
    for number, line in enumerate(file.code_lines(), 1):
        match = _BYTE_COPY.search(line)
        if match:
            yield Finding(file.path, number, "copy", f"{match.group()}: decode or compute into place, or say in "
                          "tests/tidy/limits.py what is copied")


def sizes(file: SourceFile) -> Iterator[Finding]:
    is_test = file.folder == "tests"
    if not is_test and len(file.lines) > limits.FILE_LINES_MAX:
        yield Finding(file.path, len(file.lines), "length", f"{len(file.lines)} lines; at most "
                      f"{limits.FILE_LINES_MAX}: one noun per file")
    for function in functions_of(file):
        if not is_test and function.lines > limits.FUNCTION_LINES_MAX:
            yield Finding(file.path, function.first_line, "length", f"{function.lines} lines in one function; at "
                          f"most {limits.FUNCTION_LINES_MAX}")


def header(file: SourceFile) -> Iterator[Finding]:
    if file.suffix in (".h", ".cuh") and not re.search(r"^#pragma once$", file.text, re.MULTILINE):
        yield Finding(file.path, 1, "header", "has no #pragma once")
    if file.suffix in (".h", ".cuh") and re.search(r"^\s*using\s+namespace\b", file.code(), re.MULTILINE):
        yield Finding(file.path, 1, "header", "a using directive reaches every includer")


def macros(files: Iterable[SourceFile]) -> Iterator[Finding]:
    """The whole project defines at most so many macros, tests and generated names apart."""
    defined: dict[str, Finding] = {}
    for file in files:
        if not file.is_cxx or file.folder in ("tests", "bench"):
            continue
        for number, line in enumerate(file.code_lines(), 1):
            match = _DEFINE.match(line)
            if match:
                defined.setdefault(match.group(1), Finding(file.path, number, "macro", match.group(1)))
    if len(defined) > limits.MACROS_MAX:
        for name, found in sorted(defined.items()):
            yield Finding(found.path, found.line, "macro", f"{name} is one of {len(defined)} macros; at most "
                          f"{limits.MACROS_MAX}")


PER_FILE = (arrow, banned, byte_copies, sizes, header)
