"""A planned failover, out and back, that fails or is cancelled at any seam of the appliances' work takes
itself back; a cancel that fails can be repeated. Then the machine runs at its former place with all that it
wrote, and its next cycle sends changes only.

`./dev test --all` tries each third seam; else each ninth one is tried, and each 24th for people; other ones
each time."""

import contextlib
import itertools
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.vault.steps.sides import source as source_side
from secondsite.wire.control.orders import Kind
from tests.vault.real_sites import support_states as states
from tests.vault.real_sites.support_real_sites import opened
from tests.vault.support_operations import folder_in_memory, said

STRIDE, PEOPLES_STRIDE, STRIDE_OF_ALL = 9, 24, 3
# all seams of one took up to eleven minutes on a busy host
pytestmark = [pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(3600)]
OUT, BACK, HOME_FOR_GOOD = "out", "back", "home"
HOME = {OUT: "a", BACK: "b"}
"""Where each runs before it is moved: the second one was protected back."""
BLOCKS = 15


@pytest.fixture(scope="module")
def verbs():
    with folder_in_memory() as folder, opened(Path(folder), (OUT, BACK, HOME_FOR_GOOD)) as verbs:
        verbs.run(Verb.ENABLE_PROTECTION, OUT, BACK, HOME_FOR_GOOD)
        for verb in states.TURN:
            assert verbs.run(verb, BACK, HOME_FOR_GOOD).job.state == "succeeded"
        yield verbs


def fails(name):
    raise errors.FabricError(f"It was told to fail at {name}.")


class Seam:
    """The one at which something `befalls` an order: the n-th that the orders of a job pass. `hit`: its
    name."""

    def __init__(self, n, befalls=fails):
        self._left, self.hit, self._mine = n, None, threading.get_ident()
        self._befalls = befalls

    def __call__(self, name):
        if self.hit is not None or threading.get_ident() != self._mine or not name.startswith("appliance."):
            return
        self._left -= 1
        if self._left == 0:
            self.hit = name
            self._befalls(name)


@contextlib.contextmanager
def failing_at(n, befalls=fails):
    seam = Seam(n, befalls)
    with seams.armed(seam):
        yield seam


@pytest.fixture(params=[OUT, BACK])
def name(request):
    return request.param


def test_a_planned_failover_that_fails_at_any_seam_brings_the_machine_back(verbs, name, sliced):
    for n in itertools.count(*sliced.steps(STRIDE, STRIDE_OF_ALL)):
        wrote = written_now(verbs, name, n)
        with failing_at(n) as seam:
            job = verbs.run(Verb.PLANNED_FAILOVER, name).job
        if seam.hit is None or job.state == "succeeded":
            assert verbs.run(Verb.CANCEL_FAILOVER, name).job.state == "succeeded", seam.hit
        is_as_before(verbs, name, wrote, seam.hit)
        if seam.hit is None:
            break
    goes_on(verbs, name)


def test_a_planned_failover_that_a_person_cancels_at_any_seam_brings_the_machine_back(verbs, name, sliced):
    cancelled = 0
    for n in itertools.count(*sliced.steps(PEOPLES_STRIDE, STRIDE_OF_ALL)):
        wrote = written_now(verbs, name, n)
        job_id = verbs.submit(Verb.PLANNED_FAILOVER, name)
        with failing_at(n, lambda _seam, job_id=job_id: cancel(verbs, job_id)) as seam:
            job = verbs.settle(job_id).job
        if job.state == "succeeded":
            assert verbs.run(Verb.CANCEL_FAILOVER, name).job.state == "succeeded", seam.hit
        else:
            cancelled += 1
        is_as_before(verbs, name, wrote, seam.hit)
        if seam.hit is None:
            break
    assert cancelled
    goes_on(verbs, name)


def cancel(verbs, job_id):
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)


def test_a_cancel_that_fails_at_any_seam_is_a_finding_and_can_be_repeated(verbs, name, sliced):
    failed = 0
    for n in itertools.count(*sliced.steps(STRIDE, STRIDE_OF_ALL)):
        wrote = written_now(verbs, name, n)
        assert verbs.run(Verb.PLANNED_FAILOVER, name).job.state == "succeeded"
        with failing_at(n) as seam:
            verbs.run(Verb.CANCEL_FAILOVER, name)
        if verbs.state(name) is not State.PROTECTED:
            failed += 1
            is_told(verbs, name, seam.hit)
            assert verbs.run(Verb.CANCEL_FAILOVER, name).job.state == "succeeded", seam.hit
        is_as_before(verbs, name, wrote, seam.hit)
        if seam.hit is None:
            break
    assert failed
    goes_on(verbs, name)


def is_told(verbs, name, seam):
    shown = verbs.shown(name)
    if shown.state is State.CANCEL_FAILED:
        assert "cancel-failed" in {finding.code for finding in shown.findings}, seam
    else:  # nothing but the check was begun
        assert shown.state is State.PLANNED_FAILED_OVER, seam
    assert Verb.CANCEL_FAILOVER in shown.allowed_operations, seam
    assert len(verbs.copies(name)) <= 1, seam


def written_now(verbs, name, n):
    """All blocks that the guest has written, one of them now."""
    verbs.write(name, 1 + n % BLOCKS)
    return verbs.written(name)


def is_as_before(verbs, name, wrote, seam):
    assert verbs.state(name) is State.PROTECTED, seam
    assert [site for site, _ in verbs.copies(name)] == [HOME[name]], seam
    assert verbs.written(name) == wrote, seam
    assert not passes(verbs, name), f"{seam}: blocks are compared"


def passes(verbs, name):
    """Over whole disks, that its source has yet to make."""
    return verbs.site(HOME[name]).appliance.replication.get(verbs.machine(name).id).progress.passes


def goes_on(verbs, name):
    """The next cycle has come, and sent changes only."""
    now, compared = datetime.now(UTC), []

    def has_come():
        compared.extend(passes(verbs, name))
        return verbs.shown(name).points.newest.taken_at > now

    assert verbs.pass_time(300, has_come)
    assert compared == []


def test_a_failback_whose_commit_has_begun_to_remove_the_other_side_is_not_cancelled(verbs):
    assert verbs.run(Verb.PLANNED_FAILOVER, HOME_FOR_GOOD).job.state == "succeeded"
    verbs.appliances.refuse(Kind.REMOVE_MACHINE, verbs.machine(HOME_FOR_GOOD).id)
    assert verbs.run(Verb.COMMIT, HOME_FOR_GOOD).job.state == "failed"
    shown = verbs.shown(HOME_FOR_GOOD)
    assert Verb.CANCEL_FAILOVER not in shown.allowed_operations
    (refused,) = [each for each in shown.refused_operations if each.operation is Verb.CANCEL_FAILOVER]
    assert refused.why == "A commit of its failover has begun."
    job = verbs.run(Verb.CANCEL_FAILOVER, HOME_FOR_GOOD)
    assert "A commit of the failover of home has begun" in said(job, "Prerequisites check").error.message
    assert "'secondsite machine commit home'" in job.job.error.do
    assert verbs.state(HOME_FOR_GOOD) is State.PLANNED_FAILED_OVER
    assert [site for site, _ in verbs.copies(HOME_FOR_GOOD)] == ["a"]
    assert verbs.run(Verb.COMMIT, HOME_FOR_GOOD).job.state == "succeeded"
    assert [site for site, _ in verbs.copies(HOME_FOR_GOOD, only_running=False)] == ["a"]


def test_a_guest_that_goes_off_after_its_failover_was_given_up_runs_again(verbs, name, monkeypatch):
    """It was asked to, and takes longer than anybody waits."""
    monkeypatch.setattr(source_side, "SHUT_DOWN_GRACE_SECONDS", 0.2)
    site, wrote = verbs.site(HOME[name]), written_now(verbs, name, 0)
    ((_site, fabric_id),) = verbs.copies(name)
    with slow_to_go(site, fabric_id):
        job = verbs.run(Verb.PLANNED_FAILOVER, name).job
        assert "did not shut down within" in job.error.message
        is_as_before(verbs, name, wrote, "shutdown")
    site.fabric.power.stop(fabric_id)
    assert verbs.copies(name) == []
    assert verbs.pass_time(30, lambda: verbs.copies(name))
    is_as_before(verbs, name, wrote, "went off")
    assert verbs.pass_time(30, lambda: "went-off-late" in {each.code for each in verbs.shown(name).findings})
    assert verbs.run(Verb.PLANNED_FAILOVER, name).job.state == "succeeded"
    assert verbs.run(Verb.CANCEL_FAILOVER, name).job.state == "succeeded"


@contextlib.contextmanager
def slow_to_go(site, fabric_id):
    records = Host(site.root).records
    for obeys in (False, True):
        with records.lock(fabric_id, "a deed of the test"):
            record = records.need(fabric_id)
            native = record.traits.model_copy(update={"obeys_shutdown": obeys}).model_dump_json()
            definition = record.definition.model_copy(update={"native": native})
            records.save(record.having(definition=definition))
        if not obeys:
            yield
