"""One line makes a machine known; what is in its way is told with what to do."""

import socket
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.fabrics.agent.link import Agents, Registry
from secondsite.fabrics.agent.link.authority import Authority

from . import support_link as support

pytestmark = support.needs_agent


@pytest.fixture
def machine(make_machine):
    return make_machine()


def test_an_enrolled_machine_keeps_its_key_to_itself(agents, machine):
    assert "is enrolled as" in machine.enroll(agents.port, agents.new_key()).stdout
    assert stat.S_IMODE(machine.state.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in machine.state.iterdir()}
    assert modes == {"identity.pem": 0o600, "appliance.json": 0o600}


def test_an_answer_that_was_not_kept_is_given_again(agents, machine):
    key = agents.new_key()
    machine.enroll(agents.port, key)
    certificate = (machine.state / "identity.pem").read_text()
    lost = certificate[: certificate.index("-----BEGIN CERTIFICATE")]
    (machine.state / "identity.pem").unlink()
    (machine.state / "next.key").write_text(lost)
    assert machine.enroll(agents.port, key).returncode == 0
    assert (machine.state / "identity.pem").read_text() == certificate
    assert len(agents.known()) == 1


def test_a_cut_off_key_is_told_before_anybody_is_dialled(machine, agents):
    said = machine.enroll(agents.port, agents.new_key()[:-3])
    assert "no registration key: its end is cut off" in said.stderr


def test_a_closed_port_is_told_with_the_port_that_it_should_be(machine, agents):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    said = machine.enroll(port, agents.new_key())
    assert "nobody listens there: is the appliance running" in said.stderr
    assert "9446" in said.stderr


def test_another_appliance_is_told_nothing(machine, folder, agents):
    others = Registry(folder / "others").new_key()
    said = machine.enroll(agents.port, others)
    assert "another certificate authority answers there" in said.stderr
    assert agents.known() == []


def greet(server):
    with server.accept()[0] as client:
        client.sendall(b"220 mail\r\n")


def test_what_speaks_no_tls_is_no_appliance(machine, agents):
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeter = threading.Thread(target=greet, args=(server,))
        greeter.start()
        said = machine.enroll(server.getsockname()[1], agents.new_key())
        greeter.join()
    assert "does not speak TLS" in said.stderr


def test_a_machine_whose_clock_is_years_off_is_let_in(folder, machine):
    """Its clock is right; those who it meets have had their time."""
    Authority(folder / "old" / "ca", datetime.now(UTC) - timedelta(days=24 * 365))
    old = Agents(folder / "old", ("127.0.0.1", 0))
    old.start()
    try:
        assert machine.enroll(old.port, old.new_key()).returncode == 0
    finally:
        old.close()


def test_a_revoked_machine_says_so_in_its_log_and_asks_seldom(agents, machine):
    machine.enroll(agents.port, agents.new_key())
    machine.run()
    eventually(lambda: support.connected(agents), support.PATIENCE)
    agents.revoke(agents.known()[0].agent_id)
    machine.said("is not accepted any more")


def test_an_expired_certificate_is_told_with_what_to_do(agents, folder, machine):
    then = datetime.now(UTC) - timedelta(days=100)
    fake = support.Fake(agents, folder)
    fake.enroll_at(Registry(folder / "agents", lambda: then))
    machine.enroll(agents.port, agents.new_key())
    (machine.state / "identity.pem").write_bytes(fake.identity.read_bytes())
    machine.run()
    machine.said("This machine's certificate has expired, by the appliance's clock")


def test_a_machine_that_comes_home_after_its_certificate_ended_is_let_in_and_gets_another(
    agents, folder, machine
):
    machine.enroll(agents.port, agents.new_key())
    fake = support.Fake(agents, folder)
    fake.agent_id = agents.known()[0].agent_id
    old = Registry(folder / "agents", lambda: datetime.now(UTC) - timedelta(days=100))
    fake.enroll_at(old, old.new_key(agent_id=fake.agent_id))
    ended = fake.identity.read_bytes()
    (machine.state / "identity.pem").write_bytes(ended)
    machine.run()
    machine.said("certificate has expired")
    agents.expect_home(fake.agent_id)
    eventually(lambda: support.connected(agents), support.PATIENCE)
    eventually(lambda: (machine.state / "identity.pem").read_bytes() != ended, support.PATIENCE)


def test_a_machine_that_comes_home_from_a_point_before_its_last_renewal_is_let_in_and_gets_another(
    agents, folder, machine
):
    machine.enroll(agents.port, agents.new_key())
    fake = support.Fake(agents, folder)
    fake.agent_id = agents.known()[0].agent_id
    before = Registry(folder / "agents", lambda: datetime.now(UTC) - timedelta(days=70))
    fake.enroll_at(before, before.new_key(agent_id=fake.agent_id))
    at_the_point = fake.identity.read_bytes()
    later = Registry(folder / "agents", lambda: datetime.now(UTC) - timedelta(days=8))
    fake.renew_at(later)
    (machine.state / "identity.pem").write_bytes(at_the_point)
    machine.run()
    machine.said("is not accepted any more")
    agents.expect_home(fake.agent_id)
    eventually(lambda: support.connected(agents), support.PATIENCE)
    eventually(lambda: (machine.state / "identity.pem").read_bytes() != at_the_point, support.PATIENCE)
    registry = Registry(folder / "agents")
    eventually(lambda: registry.require(str(fake.agent_id)).home_until is None, support.PATIENCE)


def test_a_copy_of_a_point_before_the_last_renewal_is_let_in_at_the_other_site(agents, folder):
    """What was revoked meanwhile is not."""
    fake = support.Fake(agents, folder)
    before = Registry(folder / "agents", lambda: datetime.now(UTC) - timedelta(days=70))
    fake.enroll_at(before)
    ends = agents.known()[0].valid_since
    later = Registry(folder / "agents", lambda: datetime.now(UTC) - timedelta(days=8))
    fake.renew_at(later)
    assert agents.known()[0].valid_since == ends
    agents.revoke(fake.agent_id)
    fake.enroll_at(later, later.new_key(agent_id=fake.agent_id))
    assert agents.known()[0].valid_since > ends


def test_one_that_was_revoked_is_not_let_in_because_it_comes_home(agents, folder, machine):
    machine.enroll(agents.port, agents.new_key())
    agent_id = agents.known()[0].agent_id
    agents.revoke(agent_id)
    agents.expect_home(agent_id)
    machine.run()
    machine.said("is not accepted any more")
    assert agents.find(agent_id).is_shut_out


def test_the_certificate_of_a_real_machine_is_renewed(agents, folder, machine):
    then = datetime.now(UTC) - timedelta(days=61)
    machine.enroll(agents.port, agents.new_key())
    before = (machine.state / "identity.pem").read_bytes()
    fake = support.Fake(agents, folder)
    fake.agent_id = agents.known()[0].agent_id
    old = Registry(folder / "agents", lambda: then)
    fake.enroll_at(old, old.new_key(agent_id=fake.agent_id))
    (machine.state / "identity.pem").write_bytes(fake.identity.read_bytes())
    machine.run()
    eventually(
        lambda: (machine.state / "identity.pem").read_bytes() not in (before, fake.identity.read_bytes()),
        support.PATIENCE,
    )
    eventually(lambda: support.connected(agents), support.PATIENCE)
    eventually(lambda: not (machine.state / "next.key").exists(), support.PATIENCE)


def test_one_line_installs_and_one_removes(agents, folder):
    root = folder / "root"
    command = ["install", "--root", root, "--appliance", f"127.0.0.1:{agents.port}", agents.new_key()]
    said = support.agent(*command)
    assert said.returncode == 0, said.stderr
    unit = (root / "etc/systemd/system/secondsite-agent.service").read_text()
    assert "ExecStart=/usr/local/sbin/secondsite-agent run\n" in unit
    assert (root / "usr/local/sbin/secondsite-agent").read_bytes() == support.PROGRAM.read_bytes()
    assert (root / "var/lib/secondsite-agent/identity.pem").exists()
    assert support.agent("install", "--root", root).returncode == 0
    assert support.agent("remove", "--root", root).returncode == 0
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_an_unknown_machine_is_not_installed(folder):
    said = support.agent("install", "--root", folder / "root")
    assert "this machine is not enrolled" in said.stderr
    assert not (folder / "root").exists()


def test_a_machine_that_is_enrolled_gets_no_second_identity_unless_that_is_asked_for(agents, machine):
    machine.enroll(agents.port, agents.new_key())
    (known,) = agents.known()
    again = machine.enroll(agents.port, agents.new_key())
    assert f"is enrolled already, as {known.agent_id}" in again.stderr
    assert [each.agent_id for each in agents.known()] == [known.agent_id]
    assert machine.enroll(agents.port, agents.new_key(agent_id=known.agent_id)).returncode == 0
    said = support.agent(
        "enroll", "--anew", "--state", machine.state, "--appliance", f"127.0.0.1:{agents.port}",
        agents.new_key(),
    )  # fmt: skip
    assert said.returncode == 0, said
    assert len(agents.known()) == 2
