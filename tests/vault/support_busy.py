"""A database that does not answer once, at a moment that a test chooses, to whoever reads in a step."""

import contextlib
import sqlite3

from sqlalchemy import exc

from secondsite.domain import errors
from secondsite.vault import store as vault_store


class Busy:
    """Refuses the nth reading of a step from now on; `at` says where, None while it was not reached. Jobs
    write and look again by themselves."""

    def __init__(self, verbs, nth):
        self.verbs, self.left, self.at = verbs, nth, None

    @contextlib.contextmanager
    def armed(self):
        """For the steps that run inside the context. The test and its appliances read all the same."""
        verbs, store, transactions = self.verbs, self.verbs.store, self.verbs.engine._transactions  # noqa: SLF001
        verbs.appliances.store = vault_store.Store(verbs._db)  # noqa: SLF001
        reading, read = store.reading, transactions.read
        run_until_idle = verbs.engine.run_until_idle

        def idle():
            store.reading = lambda: self._unless(
                "store", reading, errors.StoreUnavailable("database is locked")
            )
            transactions.read = lambda: self._unless("session", read, _locked())
            try:
                run_until_idle()
            finally:
                del store.reading, transactions.read

        verbs.engine.run_until_idle = idle
        try:
            yield self
        finally:
            verbs.engine.run_until_idle = run_until_idle

    def _unless(self, where, open_it, problem):
        self.left -= 1
        if self.left == 0:
            self.at = where
            raise problem
        return open_it()


def _locked():
    return exc.OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))
