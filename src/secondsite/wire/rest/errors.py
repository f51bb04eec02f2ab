"""How an error and a finding's code look in an answer."""

from typing import Annotated

from pydantic import Field

from ...domain import health
from ..common.base import Problem, Shape

FindingCode = Annotated[str, Field(json_schema_extra={"enum": sorted(health.CATALOGUE)})]
"""A code of docs/reference/health.md. A client also accepts those that only a newer vault knows."""


class ErrorBody(Shape):
    """The body of every answer with a status of 400 or above."""

    error: Problem
    """What happened, and what to do."""
