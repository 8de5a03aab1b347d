"""Checks that the prose is true: what it quotes in backticks exists."""

import re
from collections.abc import Iterator, Set

import limits
from finding import Finding
from source_file import SourceFile

_QUOTED = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^ *(```|~~~)")
_PATH = re.compile(r"^\.?[A-Za-z0-9_][\w.+-]*(/[\w.+-]+)+/?$|^[\w+-]+\.(h|cpp|cu|cuh|md|py|cmake|sh|in)$")
_NAME = re.compile(r"^(--[a-z][a-z0-9-]+|[A-Za-z_]\w*(::\w+)*(\(\))?)$")
_TELLS_A_NAME = re.compile(r"_|::|\(\)$|^--|[a-z][A-Z]")


def quoted_words(text: str) -> Iterator[tuple[int, str]]:
    """Every word in backticks outside of fenced code, with its line."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            for match in _QUOTED.finditer(line):
                for word in match.group(1).split():
                    yield number, word.strip(",;:…")


class Vocabulary:
    """What exists: paths and folders of the tree, and every word of its sources."""

    def __init__(self, files: list[SourceFile], paths: Set[str]):
        self.paths = set(paths)
        for path in paths:
            parts = path.split("/")
            self.paths.update("/".join(parts[:i]) for i in range(1, len(parts)))
        self.names = {path.rsplit("/", 1)[-1] for path in paths}
        self.words: set[str] = set()
        for file in files:
            if file.suffix != ".md":
                self.words.update(re.findall(r"--[a-z][a-z0-9-]+|\w+", file.text))

    def has_path(self, word: str) -> bool:
        word = word.rstrip("/").removeprefix("./")
        return word in self.paths or word in self.names or word.startswith("build/") or word.startswith("out/")

    def has_name(self, word: str) -> bool:
        if word.startswith("--"):
            return word in self.words
        return all(part in self.words for part in word.removesuffix("()").split("::") if part != "std")


def references(file: SourceFile, vocabulary: Vocabulary) -> Iterator[Finding]:
    for number, word in quoted_words(file.text):
        if word in limits.KNOWN_WORDS:
            continue
        if _PATH.match(word):
            if not vocabulary.has_path(word):
                yield Finding(file.path, number, "docs", f"`{word}` is no path of this tree")
        elif _NAME.match(word) and _TELLS_A_NAME.search(word) and not vocabulary.has_name(word):
            yield Finding(file.path, number, "docs", f"`{word}` occurs nowhere in the sources")


def changelog(files: list[SourceFile]) -> Iterator[Finding]:
    found = [file for file in files if file.path == "CHANGELOG.md"]
    if not found:
        yield Finding("CHANGELOG.md", 1, "changelog", "is missing")
    elif not re.search(r"^## \[?Unreleased\]?$", found[0].text, re.MULTILINE):
        yield Finding("CHANGELOG.md", 1, "changelog", "has no section '## Unreleased'")
