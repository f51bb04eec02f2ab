"""Reads YAML as plain values, each with its line.

Taken are mappings, lists, texts, numbers, true, false and null, as JSON has them. Refused are keys that come
twice, anchors, aliases and tags: an alias that names itself over and over fills the memory, a tag makes
objects.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import yaml

Path = tuple[str | int, ...]
DEEPEST = 20
NULL, BOOL, INT, FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
DIGITS = tuple("-0123456789")
NUMBER = r"-?(?:0|[1-9][0-9]{0,17})"


class NotTaken(Exception):
    """Something in YAML that is not accepted. `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


@dataclass(frozen=True, slots=True)
class Value:
    """A document's content, with the lines of its parts."""

    content: object
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of the part at this path, or of the part that should contain it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads words and numbers as JSON means them: in YAML 1.1 `52:54:00` is a number and `no` is false."""

    yaml_implicit_resolvers: ClassVar[Any] = {}
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise NotTaken(line, "anchors and aliases (& and *) are not taken: write the value out")
        if event.tag is not None:
            raise NotTaken(line, f"tags ({event.tag}) are not taken: leave it out")
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotTaken(line, f"it is nested more than {DEEPEST} levels deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


WORDS = (
    (NULL, re.compile(r"^(?:~|null|)$"), ("~", "n", "")),
    (BOOL, re.compile(r"^(?:true|false)$"), ("t", "f")),
    (INT, re.compile(f"^(?:{NUMBER})$"), DIGITS),
    (FLOAT, re.compile(f"^(?:{NUMBER}" + r"(?:\.[0-9]{1,17})?(?:[eE][-+]?[0-9]{1,3})?)$"), DIGITS),
)
for _tag, _pattern, _firsts in WORDS:
    _Loader.add_implicit_resolver(_tag, _pattern, list(_firsts))


def is_no_text(word: str) -> bool:
    """Whether the word would be read as something other than text, unless it is quoted."""
    return any(pattern.match(word) for _, pattern, _ in WORDS)


def documents(text: str) -> Iterator[Value]:
    """The documents, one after the other, without empty ones. Raises NotTaken."""
    try:
        loader = _Loader(text)
        yield from _documents(loader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotTaken(line, f"there is a character that YAML does not have: {error.character!r}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = "; ".join(part for part in (error.context, error.problem) if part)
        raise NotTaken(mark.line + 1 if mark else 1, f"it is no YAML: {said}") from None

    except (ValueError, OverflowError) as error:
        line = loader.line + 1
        raise NotTaken(line, f"there is a number of a character that there is not: {error}") from None


def _documents(loader: _Loader) -> Iterator[Value]:
    while loader.check_node():
        lines: dict[Path, int] = {}
        content = _plain(loader.get_node(), (), lines)
        if content is not None:
            yield Value(content, MappingProxyType(lines))


def _plain(node: Any, path: Path, lines: dict[Path, int]) -> object:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, (*path, number), lines) for number, each in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: Any, path: Path, lines: dict[Path, int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or not key.value:
            raise NotTaken(line, "the name of a field must be a word")
        if key.value in found:
            raise NotTaken(line, f"'{key.value}' stands there twice: leave one out")
        lines[*path, key.value] = line
        found[key.value] = _plain(value, (*path, key.value), lines)
    return found


def _scalar(node: Any) -> object:
    if node.tag == NULL:
        return None
    if node.tag == BOOL:
        return bool(node.value == "true")
    if node.tag == INT:
        return int(node.value)
    return _number(node) if node.tag == FLOAT else _text(node)


def _number(node: Any) -> float:
    found = float(node.value)
    if math.isinf(found):
        raise NotTaken(node.start_mark.line + 1, f"the number {node.value} is too large")
    return found


def _text(node: Any) -> str:
    """The text. JSON writes a character beyond the first 65,536 as two halves, which are joined."""
    try:
        return str(node.value).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise NotTaken(node.start_mark.line + 1, "there is half of a character (a surrogate)") from None
