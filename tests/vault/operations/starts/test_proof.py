"""Every verb that starts a machine ends with what was seen of it, and none fails by it."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.facade.shared import machine_shapes
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import StatusRecord
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import B
from tests.vault.support_operations import said

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n and more"
STARTS = {
    Verb.TEST_FAILOVER: State.PROTECTED,
    Verb.FAILOVER: State.FAILED_OVER,
    Verb.PLANNED_FAILOVER: State.PLANNED_FAILED_OVER,
}


WAITS = (
    "web01-test waits at b; proof: no verdict. Look at it, then 'secondsite machine cleanup-test-failover "
    "web01 --verdict passed --notes WHAT' (or failed)"
)


@pytest.fixture
def protected(verbs):
    verbs.protect()
    verbs.appliances.shows = True
    return verbs


def proofs_given(verbs):
    return [each for each in verbs.appliances.given if each[1] is Kind.PROVE]


@pytest.mark.parametrize("verb", STARTS)
def test_the_job_ends_with_what_the_target_saw(protected, verb):
    tree = protected.run(verb)
    assert (tree.job.state, said(tree, "Proof").sentence) == ("succeeded", "did prove")
    assert tree.job.result == ("did prove" if verb is not Verb.TEST_FAILOVER else WAITS)
    assert [each[0] for each in proofs_given(protected)] == [B]
    assert protected.state() is STARTS[verb]


def test_a_change_of_the_point_is_proven_anew(protected):
    protected.run(Verb.FAILOVER)
    tree = protected.run(Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert said(tree, "Proof").state == "succeeded"
    assert len(proofs_given(protected)) == 2


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(PNG, PNG), (b"<script>", None), (None, None)],
    ids=["a picture", "none really", "none"],
)
def test_the_picture_of_the_screen_is_kept_with_the_job_and_not_with_its_task(protected, sent, kept):
    protected.appliances.screen = sent
    tree = protected.run(Verb.FAILOVER)
    assert tree.job.state == "succeeded"
    with protected.store.reading() as tx:
        found = tx.pictures.find(tree.job.id)
    assert (found and found.png) == kept
    assert said(tree, "Proof").facts["picture"] is None


@pytest.mark.parametrize("shows", [False, None], ids=["nothing to see", "an older appliance"])
@pytest.mark.parametrize("verb", STARTS)
def test_of_a_machine_that_shows_nothing_no_order_is_given(protected, verb, shows):
    protected.appliances.shows = shows
    tree = protected.run(verb)
    assert (tree.job.state, said(tree, "Proof").state) == ("succeeded", "skipped")
    assert said(tree, "Proof").sentence.startswith("nothing can be seen of web01")
    assert tree.job.result.startswith(("did start_replica", WAITS))
    assert not proofs_given(protected)


@pytest.mark.parametrize("verb", STARTS)
def test_a_look_that_fails_fails_no_verb(protected, verb):
    protected.appliances.fail(Kind.PROVE, times=1)
    tree = protected.run(verb)
    assert (tree.job.state, protected.state()) == ("succeeded", STARTS[verb])
    assert "which was started: prove was told to fail." in said(tree, "Proof").sentence


@pytest.mark.parametrize("verb", STARTS)
def test_an_appliance_that_goes_away_while_it_looks_fails_no_verb(protected, verb):
    protected.appliances.silent.add(Kind.PROVE)
    tree = protected.run(verb)
    assert (tree.job.state, protected.state()) == ("succeeded", STARTS[verb])
    assert "did not finish in 33 s" in said(tree, "Proof").sentence


def test_a_drill_is_cancelled_while_its_machine_is_looked_at_and_leaves_nothing(protected):
    protected.appliances.silent.add(Kind.PROVE)
    job_id = protected.submit(Verb.TEST_FAILOVER)
    protected.engine.run_until_idle()
    assert protected.tree(job_id).job.state == "waiting"
    with protected.store.transaction() as tx:
        protected.engine.cancel(tx.session, job_id)
    assert protected.settle(job_id).job.state == "cancelled"
    assert protected.machine().drill is None
    assert Kind.STOP_REPLICA in [kind for _, kind, _ in protected.appliances.given]


def shown(verbs):
    """The addresses that the machine is shown with."""
    situation = Situation(verbs.machine(), StatusRecord(verbs.machine().id), None, None, None)
    found = machine_shapes.protected(situation, (), verbs.clock.now()).addresses
    return None if found is None else (found.site, found.addresses)


def test_the_addresses_that_a_guest_has_are_shown_with_the_machine_where_it_runs(protected):
    protected.appliances.guest_has = ("10.2.0.57/24",)
    protected.run(Verb.TEST_FAILOVER)
    assert shown(protected) is None
    protected.run(Verb.CLEANUP_TEST_FAILOVER)
    protected.run(Verb.PLANNED_FAILOVER)
    assert shown(protected) == ("b", ("10.2.0.57/24",))
    protected.run(Verb.CANCEL_FAILOVER)
    assert shown(protected) is None
    protected.appliances.guest_has = ()
    protected.run(Verb.FAILOVER)
    assert shown(protected) is None
    for verb in (Verb.COMMIT, Verb.REPROTECT):
        protected.run(verb)
    protected.appliances.guest_has = ("10.1.0.5/24",)
    protected.run(Verb.PLANNED_FAILOVER)
    assert shown(protected) == ("a", ("10.1.0.5/24",))
