"""The commands that the program's own sentences tell people to type."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "secondsite").rglob("*.py"))
FILLED = {
    "_options(added)": " --disk vdb", "_options(gone)": " --disk vdb", "_typed(job)": "failover",
    "at": "--at 2026-11-25T10:00:00+00:00", "point": "--point p1",
}  # fmt: skip
"""What some expressions of formatted strings become; any other one becomes a word."""
COMMAND = re.compile(
    r"""'(?P<quoted>secondsite [a-z][^']*)'|`(?P<code>secondsite [a-z][^`]*)`|(?<![\w'`/.])(?P<open>secondsite [a-z]+ [a-z].*)"""  # noqa: E501
)


WRAPPED = re.compile(r"(?<=\S)\n[ \t]*(?=\S)")
"""The end of a line inside a paragraph."""
NAMED = re.compile(r"""['`]([a-z]+) ([a-z]+(?:-[a-z]+)*)(?: [^'`\n]*)?['`]""")
"""A noun and its verb, without the word before them: 'point list'."""


@dataclass(frozen=True)
class Told:
    place: str
    line: str


def texts() -> Iterator[tuple[str, str]]:
    """Every string of the source with its place: errors, findings, sentences, helps."""
    for path in SOURCES:
        for number, text in strings(ast.parse(path.read_text())):
            yield f"{path.relative_to(ROOT)}:{number}", text


def by_sources(nouns: Collection[str]) -> list[Told]:
    """Every command in them."""
    return [Told(place, line) for place, text in texts() for line in commands(text, nouns)]


def named(text: str, nouns: Collection[str]) -> Iterator[tuple[str, str]]:
    """Commands that are only spoken of."""
    yield from ((noun, verb) for noun, verb in NAMED.findall(text) if noun in nouns)


def commands(text: str, nouns: Collection[str]) -> Iterator[str]:
    """Those in quotes or backticks end with them; others reach to the end of their line."""
    for found in COMMAND.finditer(text):
        line = found["quoted"] or found["code"] or found["open"]
        if line.split()[1] in nouns:
            yield line


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each string with its line; formatted ones as they may look. Modules' own stories are told to nobody."""
    skipped = {id(tree.body[0].value)} if tree.body and isinstance(tree.body[0], ast.Expr) else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
            yield node.lineno, "".join(map(_looks, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, WRAPPED.sub(" ", node.value)


def _looks(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return _filled(part.value)
    return str(part.value) if isinstance(part, ast.Constant) else ""


def _filled(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(map(_looks, value.values))
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "shell.arguments":
        return " ".join(map(_filled, (*value.args, *(each.value for each in value.keywords))))
    return FILLED.get(ast.unparse(value), "x1")
