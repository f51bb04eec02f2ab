"""Jobs as rows: arrays of a few words and numbers."""

from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, GetJsonSchemaHandler

from ....ground.job_states import JobState
from .arrays import described, known_places

MOST_OF_A_SENTENCE = 300


class JobRow(NamedTuple):
    """One job, by position. Times are whole seconds since 1970 (UTC)."""

    id: str
    """The job's id."""
    verb: str
    """What it does."""
    machine_id: str | None
    """The id of its machine; null: several."""
    name: str | None
    """The machine's name when it was started, or several names."""
    state: JobState
    """Its state."""
    percent: int | None
    """How many of its steps are done, counting the present one by how far it is; null: it did not succeed."""
    sentence: str
    """How it ended, or what it is doing; cut at 300 letters."""
    parent_id: str | None
    """The job that started it."""
    waits_for_person: bool
    """Whether one of its tasks asks a person now."""
    created_at: int
    """When it was started."""
    ended_at: int | None
    """When it ended."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return described(cls, core_schema, handler)


JOB_COLUMNS = JobRow._fields
KnownJobRow = Annotated[JobRow, BeforeValidator(known_places(len(JOB_COLUMNS)))]
