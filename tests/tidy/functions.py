"""Finds the functions of a C++ file by counting braces: enough to measure their length."""

import dataclasses
import re
from collections.abc import Iterator

from source_file import SourceFile

_ATTRIBUTE = re.compile(r"\balignas\s*\([^)]*\)|\[\[[^\]]*\]\]|\b__\w+\s*\([^)]*\)")
_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b[^;()]*$")
# `) : a_(1), b_` before the brace of `b_{2}`: a single colon behind the parameters, then a name.
_MEMBER_INITIALISER = re.compile(r"\)[^;{}]*(?<!:):(?!:).*[\w>]$", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Function:
    first_line: int
    last_line: int

    @property
    def lines(self) -> int:
        return self.last_line - self.first_line + 1


def _kind(head: str) -> str:
    """What a brace opens, told by the text before it."""
    head = _ATTRIBUTE.sub("", head).strip()
    if _SCOPE.search(head):
        return "scope"
    if "(" not in head or head.endswith(("=", ",", "(", "return")) or _MEMBER_INITIALISER.search(head):
        return "initialiser"
    return "function"


def functions_of(file: SourceFile) -> Iterator[Function]:
    """Outermost function bodies, from the line of their opening brace. Lambdas within belong to them."""
    stack: list[tuple[str, int]] = []
    head = ""
    depth_in_function = 0
    for number, line in enumerate(file.code_lines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for character in line + "\n":
            if depth_in_function:
                depth_in_function += {"{": 1, "}": -1}.get(character, 0)
                if depth_in_function == 0:
                    yield Function(stack.pop()[1], number)
                    head = ""
            elif character == "{":
                kind = _kind(head)
                stack.append((kind, number))
                depth_in_function = int(kind == "function")
                head = head + "{" if kind == "initialiser" else ""
            elif character == "}":
                kind = stack.pop()[0] if stack else "scope"
                head = head + "}" if kind == "initialiser" else ""
            else:
                head = "" if character == ";" else head + character
