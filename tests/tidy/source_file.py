"""A file of the tree as the checks see it: its lines, and its code without comments and strings."""

import pathlib
import re

# A comment, or a string or character literal (raw strings included); digit separators are no characters.
_COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
    re.DOTALL)

_CXX_SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}


class SourceFile:
    """`path` is relative to the root, with slashes."""

    def __init__(self, path: str, text: str):
        self.path = path
        self.text = text
        self.lines = text.splitlines()

    @classmethod
    def read(cls, root: pathlib.Path, path: str) -> "SourceFile":
        return cls(path, (root / path).read_text(encoding="utf-8"))

    @property
    def suffix(self) -> str:
        return pathlib.PurePosixPath(self.path).suffix

    @property
    def folder(self) -> str:
        """The part of the tree: host, device, pipeline, tests ..."""
        return self.path.split("/", 1)[0] if "/" in self.path else ""

    @property
    def is_cxx(self) -> bool:
        return self.suffix in _CXX_SUFFIXES

    @property
    def is_library(self) -> bool:
        return self.is_cxx and self.folder in ("host", "device", "pipeline")

    def code(self) -> str:
        """The text with comments and literals blanked: same lines, same columns. Include paths are kept."""
        def blank(match: re.Match) -> str:
            return re.sub(r"[^\n]", " ", match.group())

        kept = "\n".join("" if line.lstrip().startswith("#include") else line for line in self.text.split("\n"))
        return _COMMENT_OR_LITERAL.sub(blank, kept)

    def code_lines(self) -> list[str]:
        return self.code().split("\n")
