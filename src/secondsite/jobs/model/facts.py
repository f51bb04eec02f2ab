"""The arguments of jobs and the facts that steps leave: pydantic models in use, JSON in the journal."""

from pydantic import BaseModel, JsonValue

Json = dict[str, JsonValue]


def to_json(facts: BaseModel | None) -> Json:
    """The model as the journal keeps it; empty for none."""
    return {} if facts is None else facts.model_dump(mode="json")
