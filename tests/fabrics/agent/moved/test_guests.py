"""The agent in a machine that was failed over registers with its new site's appliance; nobody else does."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent import RecoveredAgents
from secondsite.fabrics.agent.link import Agents
from secondsite.fabrics.agent.link.authority import Authority, pem_of
from secondsite.fabrics.calling import ExpectedAgent
from tests.fabrics.agent import support_link as support

HERE = "aaaaaaaa-0000-0000-0000-00000000000b"
"""The hardware of the machine that was started at the second site."""


class Second(RecoveredAgents):
    """The port of the second site's appliance."""

    @property
    def link(self):
        return self._agents


@pytest.fixture
def second(folder):
    made = Second(folder / "second", ("127.0.0.1", 0))
    yield made
    made.close()


@pytest.fixture
def fake(make_fake, second):
    """An agent that was enrolled at home, in the machine that was started at the second site."""
    fake = make_fake()
    fake.agents, fake.hello = second, fake.hello | {"product_uuid": HERE}
    return fake


def expected(agents, fake, **changed):
    found = ExpectedAgent(fake.agent_id, "server", agents.authority.pem, HERE)
    return dataclasses.replace(found, **changed)


def answer(fake, **changed):
    """What the appliance says to it first; None if it says nothing."""
    try:
        with fake.control(**changed) as line:
            return line.hear()
    except OSError:
        return None


def is_in(said):
    return said is not None and said["ok"]


def test_who_is_expected_registers(agents, second, fake):
    second.expect([expected(agents, fake)])
    with fake.control() as line:
        assert line.hear()["ok"]
        eventually(lambda: second.connected() == {fake.agent_id}, support.PATIENCE)
    eventually(lambda: second.connected() == frozenset(), support.PATIENCE)


def test_before_it_is_expected_it_does_not_come_in(agents, second, fake):
    assert not is_in(answer(fake))
    second.expect([expected(agents, fake)])
    assert is_in(answer(fake))


def test_the_machine_at_home_does_not_register_in_its_place(agents, second, fake):
    second.expect([expected(agents, fake)])
    said = answer(fake, product_uuid="aaaaaaaa-0000-0000-0000-00000000000a")
    assert said["code"] == "elsewhere"
    assert not is_in(answer(fake, product_uuid=""))
    assert is_in(answer(fake, product_uuid=HERE.upper()))


def test_the_agent_of_another_machine_is_refused(agents, second, fake, make_fake):
    second.expect([expected(agents, fake)])
    other = make_fake()
    other.agents, other.hello = second, fake.hello
    assert answer(other)["code"] == "revoked"


def test_a_certificate_for_the_same_agent_by_another_authority_is_refused(agents, second, fake, folder):
    """Also of one that is trusted for another machine."""
    other = Authority(folder / "other", datetime.now(UTC))
    another = expected(agents, fake, agent_id="11111111-2222-3333-4444-555555555555", authority=other.pem)
    second.expect([expected(agents, fake), another])
    issued = other.issue(fake.request(), fake.agent_id, datetime.now(UTC))
    fake.keep(pem_of(issued))
    assert not is_in(answer(fake))


def test_two_homes_with_authorities_of_one_name_are_told_apart(agents, second, fake, folder):
    home = Agents(folder / "another-home", ("127.0.0.1", 0))
    home.start()
    try:
        other = support.Fake(home, folder)
        assert other.enroll(home.new_key())["ok"]
        other.agents, other.hello = second, fake.hello
        second.expect([expected(agents, fake), expected(home, other)])
        assert is_in(answer(fake))
        assert is_in(answer(other))
        second.expect([expected(home, fake), expected(agents, other)])
        assert not is_in(answer(fake))
        assert not is_in(answer(other))
    finally:
        home.close()


def test_a_certificate_that_was_revoked_at_home_is_refused(agents, second, fake):
    ends = agents.known()[0].valid_since
    assert ends is not None
    second.expect([expected(agents, fake, until=ends)])
    assert is_in(answer(fake))
    second.expect([expected(agents, fake, until=ends + timedelta(days=1))])
    assert not is_in(answer(fake))


def test_a_certificate_that_home_cannot_renew_any_more_serves(agents, second, fake, folder):
    """Its end does not count: home may be lost for longer than that."""
    authority = Authority(folder / "old", datetime.now(UTC) - timedelta(days=100))
    issued = authority.issue(fake.request(), fake.agent_id, datetime.now(UTC) - timedelta(days=99))
    assert issued.not_valid_after_utc < datetime.now(UTC)
    fake.keep(pem_of(issued))
    second.expect([expected(agents, fake, authority=authority.pem)])
    assert is_in(answer(fake))


def test_who_is_not_expected_any_more_leaves_at_once_and_nothing_of_it_stays(agents, second, fake, folder):
    second.expect([expected(agents, fake)])
    with fake.control() as line:
        assert line.hear()["ok"]
        eventually(lambda: (folder / "second" / "known" / f"{fake.agent_id}.json").exists(), support.PATIENCE)
        second.expect([])
        assert line.hear() is None
    eventually(lambda: not [*(folder / "second").glob(f"*/{fake.agent_id}*")], support.PATIENCE)
    assert not is_in(answer(fake))


def test_one_that_was_revoked_here_stays_out(agents, second, fake):
    second.expect([expected(agents, fake)])
    with fake.control() as line:
        assert line.hear()["ok"]
        eventually(second.connected, support.PATIENCE)
        second.link.revoke(fake.agent_id)
        assert line.hear() is None
    assert answer(fake)["code"] == "revoked"


def test_an_authority_that_cannot_be_read_lets_nobody_in_and_keeps_nobody_out(agents, second, fake):
    broken = expected(agents, fake, agent_id="11111111-2222-3333-4444-555555555555", authority="no PEM")
    second.expect([broken, expected(agents, fake)])
    assert is_in(answer(fake))


def test_after_a_restart_who_went_home_meanwhile_is_forgotten(agents, second, fake, folder):
    second.expect([expected(agents, fake)])
    with fake.control() as line:
        assert line.hear()["ok"]
        eventually(second.connected, support.PATIENCE)
    second.close()
    again = RecoveredAgents(folder / "second", ("127.0.0.1", 0))
    try:
        again.expect([])
        assert not [*(folder / "second" / "known").iterdir()]
    finally:
        again.close()
