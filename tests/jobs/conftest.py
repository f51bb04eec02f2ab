"""Databases for the engine's tests, and an engine room around them."""

import pytest

from tests.jobs.support_jobs import JournalSpace
from tests.support.postgres import database, database_url, postgres, postgres_url

__all__ = ["database", "database_url", "postgres", "postgres_url"]


@pytest.fixture
def room(database):
    """An empty engine room on a database of each kind."""
    room = JournalSpace(database)
    yield room
    room.close()
