"""Reads the texts below the fields of a class from its source."""

import ast
import functools
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping


def field_texts(described: type) -> Mapping[str, str]:
    """The texts by field, including those of base classes. A parametrized generic class has none of its
    own."""
    return {
        name: text
        for each in reversed(described.__mro__)
        for name, text in _of_module(each.__module__).get(each.__qualname__, {}).items()
    }


@functools.cache
def _of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """The texts of a module by class and field. Read once: `inspect.getsource` of a class reads its whole
    module."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[name]))
    except (OSError, TypeError):  # it is not written in Python
        return {}
    return {each.name: dict(_of_class(each)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _of_class(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in itertools.pairwise(definition.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = _text(below)
            if text is not None:
                paragraphs = inspect.cleandoc(text).split("\n\n")
                yield field.target.id, "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _text(below: ast.stmt) -> str | None:
    value = below.value if isinstance(below, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
