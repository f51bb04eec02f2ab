"""Tokens are looked up once where this process makes all changes, and each time where others make some."""

import pytest
from sqlalchemy.orm import Session

from secondsite.vault.store import Store, TokenRecord, migrate
from secondsite.vault.store.access import KnownSecrets
from tests.support.vault import NOW

pytestmark = pytest.mark.slow

DIGEST = "a" * 64
ROBOT = TokenRecord("robot", DIGEST, NOW)


@pytest.fixture
def store(database, database_url):
    migrate(database_url)
    store = Store(database)
    with store.transaction() as tx:
        tx.tokens.add(ROBOT)
    return store


def test_what_was_looked_up_before_a_change_is_not_kept_after_it():
    known = KnownSecrets[TokenRecord]()
    before = known.changes
    with known.changing() as change:
        change()
        known.keep(DIGEST, ROBOT, known.changes)
        assert known.find(DIGEST) is None
        between = known.changes
    for changes in (before, between):
        known.keep(DIGEST, ROBOT, changes)
        assert known.find(DIGEST) is None
    known.keep(DIGEST, ROBOT, known.changes)
    assert known.find(DIGEST) is ROBOT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_is_known_until_any_token_is_changed(store):
    assert store.known_token(DIGEST) is None
    assert store.token(DIGEST) == ROBOT == store.known_token(DIGEST)
    with store.transaction() as tx:
        tx.tokens.used(ROBOT.id, NOW)
    assert store.known_token(DIGEST) == ROBOT
    with store.transaction() as tx:
        tx.tokens.put(ROBOT)
        assert store.token(DIGEST) is not None  # as it still is for whoever asks now
        assert store.known_token(DIGEST) is None
    assert store.known_token(DIGEST) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_after_a_change_whose_end_nobody_tells_nothing_is_kept(store, database):
    with Session(database) as session, session.begin():
        store.within(session).tokens.put(ROBOT)
    assert store.token(DIGEST) is not None
    assert store.known_token(DIGEST) is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_another_process_may_have_removed_it(store, database):
    assert store.token(DIGEST) is not None
    with Store(database).transaction() as tx:
        tx.tokens.remove("robot")
    assert store.known_token(DIGEST) is None
    assert store.token(DIGEST) is None
