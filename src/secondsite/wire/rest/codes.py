"""Codes that a table of the domain lists, as the OpenAPI document shows them."""

from typing import Annotated

from pydantic import Field

from ...domain import health

FindingCode = Annotated[str, Field(json_schema_extra={"enum": sorted(health.CATALOGUE)})]
"""A code of docs/reference/health.md. A client also accepts those that only a newer vault knows."""
