"""Who may hold a session, ask for something and grant it: tokens and people."""

from collections.abc import Sequence

from .people import People, PersonRecord
from .tokens import TokenRecord, Tokens

HolderRecord = TokenRecord | PersonRecord


class Holders:
    def __init__(self, tokens: Tokens, people: People) -> None:
        self._tokens = tokens
        self._people = people

    def find(self, sha256: str) -> HolderRecord | None:
        """The token whose secret has this digest, or the person with this mark."""
        return self._tokens.find(sha256) or self._people.find(sha256)

    def list(self) -> Sequence[HolderRecord]:
        """All tokens, and the people who are not disabled."""
        return [*self._tokens.list(), *(each for each in self._people.list() if each.disabled_at is None)]

    def with_id(self, holder_id: str) -> HolderRecord | None:
        """The one with this id; None for a person who is disabled."""
        return next((each for each in self.list() if each.id == holder_id), None)
