"""What was answered to requests that carry an idempotency key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The answer to the request that `caller` made with `key`; None: it held a secret, so it is not kept."""

    caller: str
    key: str
    request_sha256: str
    answer: Mapping[str, JsonValue] | None
    answered_at: datetime


class Answers(Protocol):
    def find(self, caller: str, key: str) -> AnswerRecord | None: ...
    def add(self, record: AnswerRecord) -> None: ...

    def forget(self, before: datetime) -> None:
        """Drop what was answered before then."""
