"""Rows as arrays in JSON, and what their description says of each place."""

from collections.abc import Callable
from typing import Any

from pydantic import GetJsonSchemaHandler

from ...common.field_texts import field_texts


def described(row: type, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """The JSON schema of a row, with the name and the text of each place."""
    schema = handler(core_schema)
    found = handler.resolve_ref_schema(schema)
    found["description"] = " ".join((row.__doc__ or "").split())
    texts = field_texts(row)
    for name, place in zip(row._fields, found["prefixItems"], strict=True):  # type: ignore[attr-defined]
        place["title"], place["description"] = name, texts[name]
    return schema


def known_places(count: int) -> Callable[[Any], Any]:
    """Cuts a row of a newer vault, which may have more places, to those that are known here."""
    return lambda said: said[:count] if isinstance(said, list) else said
