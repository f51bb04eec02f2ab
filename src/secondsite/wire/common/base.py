"""What all shapes share."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler

from ...domain import errors
from ...ground import problem
from .bounds import bounded, without_defaults
from .field_texts import field_texts

SITE_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""The pattern of names that people give: of sites, groups, plans, pools."""


MACHINE_ID = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$"
"""The pattern of machine ids: files and folders of appliances are named by them."""

APPLIANCE_ID = r"^[0-9a-f]{32}$"
"""The pattern of appliance ids, as vaults make them. Nothing else can pass for an id, such as a host's
name."""


class Shape(BaseModel):
    """Frozen; unknown fields of a newer neighbour are ignored; no field is without bounds. The text below
    a field describes it in the API."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return bounded(handler(source))

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Adds the texts below the fields. They are read only here: with `use_attribute_docstrings` every
        process read them at its start, which took a third of it."""
        schema = handler(core_schema)
        described = handler.resolve_ref_schema(schema)
        fields = described["properties"] = without_defaults(described.get("properties", {}))
        for name, text in field_texts(cls).items():
            if name in fields:
                fields[name].setdefault("description", text)
        return schema


class Editable(Shape):
    """A thing that several people may change: each state of it is an edition."""

    def edited(self) -> Mapping[str, object]:
        """What a change would change: all fields, unless a shape overrides it."""
        return self.model_dump(mode="json")

    def edition(self) -> str:
        """A text that is the same for the same values, and different after each change."""
        return hashlib.sha256(json.dumps(self.edited(), sort_keys=True).encode()).hexdigest()[:16]


class Problem(Shape):
    """An error as it crosses a process."""

    # No enumeration: a newer neighbour's code must not cost its message and advice; errors.from_wire keeps
    # those.
    code: str
    """Names the kind of error, for scripts: docs/reference/errors.md lists them."""
    message: str
    """What happened, and to what."""
    do: str
    """What to do next."""

    @classmethod
    def of(cls, error: Exception) -> "Problem":
        """Any exception as a Problem; one that is not ours becomes 'internal' with its type and text."""
        said = problem.ours(error)
        return cls(code=said.code, message=said.message, do=said.do)

    def raised(self) -> errors.SecondsiteError:
        """The error to raise on this side."""
        return errors.from_wire(self.code, self.message, self.do)
