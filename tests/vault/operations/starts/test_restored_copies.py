"""A copy, or a fetch of files, that is given up is the one that was ordered, however often its undo has to be
repeated."""

import pytest

from secondsite.vault.steps.points import fetch_files, restore_copy
from secondsite.wire import rest
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import B
from tests.vault.support_operations import Verbs, folder_in_memory

COPY, FETCH = (Kind.RESTORE_COPY, Kind.END_RESTORE_COPY), (Kind.FETCH_FILES, Kind.END_FETCH_FILES)
ORDERS = (*COPY, *FETCH)


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect("web01")
        yield verbs
        verbs.close()


@pytest.fixture
def ordered(verbs):
    """The ids of machines that were ordered to be made, and to be given up, each once."""
    found: list[tuple[Kind, str]] = []
    ask = verbs.appliances.ask

    def asked(appliance_id, order_id, kind, machine_id, payload, *more, **options):
        if kind in ORDERS:
            said = getattr(payload, "fabric_id", None) or payload.fetch_id
            found.extend({(kind, said)}.difference(found))
        return ask(appliance_id, order_id, kind, machine_id, payload, *more, **options)

    verbs.appliances.ask = asked
    return found


def begin(verbs):
    asked = rest.PointRestore(name="web01-old", folder="/srv/copies")
    with verbs.store.transaction() as tx:
        return restore_copy.submit(verbs.deps, tx, tx.machines.find("web01"), "p1", asked, "ada")


def begin_fetch(verbs):
    asked = rest.PointFilesFetch(path="/etc", folder="/srv/files")
    with verbs.store.transaction() as tx:
        return fetch_files.submit(verbs.deps, tx, tx.machines.find("web01"), "p1", asked, "ada")


@pytest.mark.parametrize(("begins", "kinds"), [(begin, COPY), (begin_fetch, FETCH)])
def test_an_undo_that_is_repeated_ends_what_was_ordered(verbs, ordered, begins, kinds):
    """It named what another attempt would have made: "nothing of the copy stays", and it was started."""
    verbs.appliances.silent.add(kinds[0])
    job = begins(verbs)
    verbs.engine.run_until_idle()
    verbs.appliances.away.add(B)
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job)
    assert verbs.settle(job).job.state == "failed"
    verbs.appliances.away.clear()
    verbs.retry(job)
    assert verbs.settle(job).job.state == "cancelled"
    (made, wanted), (ended, given_up) = ordered
    assert (made, ended) == kinds
    assert given_up == wanted


def test_a_new_attempt_is_a_new_machine(verbs, ordered):
    verbs.appliances.fail(Kind.RESTORE_COPY, times=1)
    job = begin(verbs)
    assert verbs.settle(job).job.state == "failed"
    verbs.retry(job)
    assert verbs.settle(job).job.state == "succeeded"
    made = [fabric_id for kind, fabric_id in ordered if kind is Kind.RESTORE_COPY]
    assert len(set(made)) == 2
