"""Loads files as documents, and reports everything that is wrong with them at once, with file, line and
field."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from ...domain import errors
from ...ground.units import MiB
from ...wire.common.policies import PolicyShape
from . import reading
from .kinds import KINDS, AnyDocument, Key, PolicyDocument, called, key_of

MOST_BYTES = 4 * MiB
MOST_DOCUMENTS = 20_000
MOST_TOLD = 30
DO = "Correct it and repeat: nothing was changed."


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """A document, and where it is."""

    document: AnyDocument
    file: str
    value: reading.Value

    @property
    def key(self) -> Key:
        return key_of(self.document)

    def at(self, *field: str | int) -> str:
        """File, line, what it is about, and the field, for a sentence."""
        where = f"{self.file}:{self.value.line(field)}: {called(self.key)}"
        return f"{where}: {_dotted(field)}" if field else where


def load(path: Path, text: str | None = None) -> Sequence[LoadedDocument]:
    """The documents of a file, or of all *.yaml and *.yml files of a folder, by name; `text` in place of
    what the file holds. Raises InvalidArgument that tells everything that is wrong."""
    wrong: list[str] = []
    given: list[LoadedDocument] = []
    texts = [(str(path), text)] if text is not None else list(_texts(path))
    if sum(len(each) for _, each in texts) > MOST_BYTES:
        raise errors.InvalidArgument(
            f"{path} holds more than {MOST_BYTES // MiB} MiB.", do="Apply a part of it at a time."
        )
    for file, content in texts:
        given.extend(_documents(file, content, wrong))
    wrong.extend(_twice(given))
    refuse(wrong)
    return given


def refuse(wrong: Sequence[str]) -> None:
    """Raises InvalidArgument if something is wrong."""
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise errors.InvalidArgument("\n".join([*wrong[:MOST_TOLD], *more]), do=DO)


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    files = sorted(each for each in path.iterdir() if _is_yaml(each)) if path.is_dir() else [path]
    if not files:
        raise errors.InvalidArgument(f"{path} has no *.yaml file.", do="Name a file, or a folder with some.")
    for file in files:
        yield str(file), _text(file)


def _is_yaml(file: Path) -> bool:
    return file.suffix in (".yaml", ".yml") and file.is_file()


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.InvalidArgument(
            f"{file} cannot be read: {error}.", do="Name a YAML file in UTF-8."
        ) from None


def _documents(file: str, text: str, wrong: list[str]) -> Iterator[LoadedDocument]:
    values = reading.documents(text)
    for _ in range(MOST_DOCUMENTS):
        try:
            value = next(values, None)
        except reading.NotTaken as problem:
            wrong.append(f"{file}:{problem.line}: {problem.what}.")
            return
        if value is None:
            return
        made = _made(file, value, wrong)
        if made is not None:
            yield made
    wrong.append(f"{file}: it has more than {MOST_DOCUMENTS} documents.")


def _made(file: str, value: reading.Value, wrong: list[str]) -> LoadedDocument | None:
    kinds = ", ".join(KINDS)
    if not isinstance(value.content, dict):
        wrong.append(f"{file}:{value.line(())}: a document has fields, and 'kind' is one of {kinds}.")
        return None
    shape = KINDS.get(str(value.content.get("kind")))
    if shape is None:
        wrong.append(f"{file}:{value.line(('kind',))}: kind: give one of {kinds}.")
        return None
    try:
        document = shape.model_validate_json(json.dumps(value.content), strict=True)
    except pydantic.ValidationError as error:
        wrong.extend(_told(file, value, error))
        return None
    given = LoadedDocument(document, file, value)
    if isinstance(document, PolicyDocument):
        wrong.extend(f"{given.at(field)}: {what}" for field, what in limits_of(document))
    return given


def _told(file: str, value: reading.Value, error: pydantic.ValidationError) -> Iterator[str]:
    for each in error.errors():
        path = tuple(each["loc"])
        yield f"{file}:{value.line(path)}: {_named(value.content)}{_dotted(path)}: {_what(each)}"


def _named(content: Any) -> str:
    name = content.get("name", content.get("machine", ""))
    return f"{content['kind']} {name}: " if isinstance(name, str) and name else f"{content['kind']}: "


def _what(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such field: leave it out, or correct its name ('secondsite schema' lists all)."
    if problem["type"] == "missing":
        return "this field is needed: add it."
    quote = " Put it between quotes." if problem["type"] == "string_type" else ""
    got = f" (got {problem.get('input')!r:.80})" if not isinstance(problem.get("input"), dict | list) else ""
    return f"{problem['msg']}{got}.{quote}"


def _dotted(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _twice(given: Sequence[LoadedDocument]) -> Iterator[str]:
    first: dict[Key, LoadedDocument] = {}
    for each in given:
        before = first.setdefault(each.key, each)
        if before is not each:
            yield f"{each.at()}: it is also at {before.file}:{before.value.line(())}: leave one out."


# The limits of a policy's values, told by field.


def limits_of(document: PolicyDocument) -> Iterator[tuple[str, str]]:
    """The fields that are out of their limits, and why."""
    defaults = PolicyShape(name=document.name)
    for field in sorted(set(PolicyShape.model_fields) - {"name"}):
        try:
            defaults.model_copy(update={field: getattr(document, field)}).to_domain()
        except errors.InvalidArgument as error:
            yield field, f"{error.message} {error.do}"
