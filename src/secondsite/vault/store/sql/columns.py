"""Column types: shapes as JSON, enumerations as their words, instants as aware UTC."""

import json
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import JSON, Dialect, MetaData, String, Text
from sqlalchemy.types import TypeDecorator

from ....jobs.storage.tables import UtcDateTime

__all__ = ["ListColumn", "ReportColumn", "ShapeColumn", "UtcDateTime", "Word"]
W = TypeVar("W", bound=StrEnum)


class ShapeColumn(TypeDecorator[object]):
    """A pydantic model, a dataclass or a plain container, stored as JSON and checked when it comes back."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: type[object]) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind
        self._adapter: TypeAdapter[object] = TypeAdapter(kind)

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: object, dialect: Dialect) -> object:
        return None if value is None else self._adapter.validate_python(value)


class ReportColumn(ShapeColumn):
    """The last report of an appliance, as JSON. One that this release no longer understands counts as no
    report."""

    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> object:
        try:
            return super().process_result_value(value, dialect)
        except ValidationError:
            return None


class ListColumn(TypeDecorator[BaseModel]):
    """A flat shape that is written often: its values as a JSON list, in the order of its fields. A later
    release may append fields; values that are not understood count as not reported."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[BaseModel]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: BaseModel | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps(list(value.model_dump(mode="json").values()), separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> BaseModel | None:
        if value is None:
            return None
        try:
            return self.kind.model_validate(
                dict(zip(self.kind.model_fields, json.loads(value), strict=False))
            )
        except ValueError:
            return None


class Word(TypeDecorator[W]):
    """An enumeration, stored as its word; comes back as the member, so that it can be compared by
    identity."""

    impl = String(64)
    cache_ok = True

    def __init__(self, words: type[W]) -> None:
        super().__init__(64)
        self.words = words

    def process_bind_param(self, value: W | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> W | None:
        return None if value is None else self.words(value)


# All tables of the vault's records.

metadata = MetaData()
