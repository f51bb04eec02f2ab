"""The JSON schema of a document, for editors."""

from typing import Any

import pydantic

from .kinds import AnyDocument

TITLE = "A document of what is configured in secondsite"


def schema() -> dict[str, Any]:
    """The JSON schema of one document; a file may hold several."""
    made = pydantic.TypeAdapter(AnyDocument).json_schema()
    branches = made.pop("anyOf")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "oneOf": branches,
        **made,
    }
