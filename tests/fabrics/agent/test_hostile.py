"""What strangers, copies and agents that lie get: words, and nothing of others."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rig.eventually import eventually
from secondsite.fabrics.agent.link import AgentAway, Agents, Registry

from . import support_link as support

pytestmark = pytest.mark.slow


@pytest.fixture
def fake(make_fake):
    return make_fake()


def test_a_key_is_for_one_agent_which_may_ask_again(agents, folder):
    key, one, other = agents.new_key(), support.Fake(agents, folder), support.Fake(agents, folder)
    first = one.enroll(key)
    assert one.enroll(key) == first
    assert other.enroll(key)["code"] == "key-used"
    assert [each.agent_id for each in agents.known()] == [one.agent_id]


def test_what_is_no_key_of_this_appliance_is_refused_and_guesses_are_bounded(agents, folder):
    fake = support.Fake(agents, folder)
    with ThreadPoolExecutor(12) as pool:
        codes = [each["code"] for each in pool.map(lambda _: fake.enroll("ssa-00-ff"), range(12))]
    assert codes.count("key-wrong") >= 10
    assert fake.enroll(agents.new_key())["code"] == "too-many-guesses"


def test_an_old_key_is_refused(agents, folder):
    then = datetime.now(UTC) - timedelta(hours=80)
    key = Registry(folder / "agents", lambda: then).new_key()
    assert support.Fake(agents, folder).enroll(key)["code"] == "key-old"


def test_an_agent_chooses_no_name_in_its_certificate(agents, folder, fake):
    other = support.Fake(agents, folder)
    other.name = fake.agent_id
    assert other.enroll(agents.new_key())["ok"]
    certificate = x509.load_pem_x509_certificate(other.identity.read_bytes())
    names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    assert names == [other.agent_id] != [fake.agent_id]


def test_a_request_of_another_curve_is_refused(agents, folder):
    fake = support.Fake(agents, folder)
    fake.key = ec.generate_private_key(ec.SECP384R1())
    assert fake.enroll(agents.new_key())["code"] == "no-request"


def test_who_has_no_certificate_may_only_enroll(agents, folder):
    with support.Fake(agents, folder).dial(with_certificate=False) as stranger:
        stranger.say(role="control", hello={"host_name": "h", "boot_id": "b", "uptime_seconds": 1.0})
        assert stranger.hear()["code"] == "no-certificate"


def test_who_has_a_certificate_may_not_enroll(agents, fake):
    with fake.dial() as connection:
        connection.say(role="enroll", key="k", request="r", name="n")
        assert connection.hear()["code"] == "enrolled"


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b'{"role": "vault"}\n',
        b'{"role": "reader", "token": 7}\n',
        b'{"role": "reader", "token": "' + b"x" * 100 + b'"}\n',
        b'{"role": "control", "hello": {"host_name": "a b", "boot_id": "b", "uptime_seconds": 1}}\n',
        b'{"role": "control", "hello": {"host_name": "a", "boot_id": "b", "uptime_seconds": 1.0, '
        b'"version": "\\u001b[2J"}}\n',
        b"[" * 30_000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_a_line_of_no_shape_is_refused(fake, line):
    with fake.dial() as connection:
        connection.socket.sendall(line)
        assert connection.hear()["code"] == "no-line"


def test_a_line_without_end_ends_the_connection(fake):
    with fake.dial() as connection, pytest.raises(OSError):
        for _ in range(100):
            connection.socket.sendall(b"x" * 100_000)


def test_another_machine_s_token_opens_nothing(agents, make_fake):
    victim, thief = make_fake(), make_fake()
    with victim.control() as control:
        assert control.hear()["ok"]
        with agents.readers(victim.agent_id) as path, socket.socket(socket.AF_UNIX) as reader:
            reader.connect(str(path))
            token = control.hear()["token"]
            with thief.dial() as stolen:
                stolen.say(role="reader", token=token)
                assert stolen.hear()["code"] == "no-reader"
            with victim.dial() as own:
                own.say(role="reader", token=token)
                own.socket.sendall(b"hello")
                assert reader.recv(5) == b"hello"
                with victim.dial() as again:
                    again.say(role="reader", token=token)
                    assert again.hear()["code"] == "no-reader"


def test_an_answer_that_nobody_asked_for_ends_the_conversation(agents, fake):
    with fake.control() as control:
        assert control.hear()["ok"]
        control.say(number=77, ok=True)
        assert control.hear()["code"] == "no-question"
        assert control.hear() is None


def test_a_reader_whose_agent_refuses_to_dial_is_sent_away(agents, fake):
    with fake.control() as control:
        assert control.hear()["ok"]
        with agents.readers(fake.agent_id) as path, socket.socket(socket.AF_UNIX) as reader:
            reader.settimeout(support.PATIENCE)
            reader.connect(str(path))
            control.say(number=control.hear()["number"], ok=False, error="no", code="failed")
            assert reader.recv(1) == b""


def test_a_copy_of_a_machine_is_refused_and_both_are_named(agents, fake):
    with fake.control(host_name="first") as first:
        assert first.hear()["ok"]
        with ThreadPoolExecutor() as pool, fake.control(host_name="copy", boot_id="b2") as copy:
            answering = pool.submit(lambda: first.say(number=first.hear_any()["number"], ok=True))
            said = copy.hear()
            answering.result()
        assert (said["ok"], said["code"]) == (False, "double")
        assert "first" in said["error"]
        (double,) = agents.doubles()
        assert (double.served_name, double.refused_name) == ("first", "copy")
        assert double.agent_id == fake.agent_id


def test_a_copy_is_refused_for_a_while_after_the_first_one_left(agents, fake):
    with fake.control() as first:
        assert first.hear()["ok"]
    eventually(lambda: not support.connected(agents))
    with fake.control(product_uuid="p2", uptime_seconds=0.0) as copy:
        assert copy.hear()["code"] == "double"


def test_a_machine_that_was_started_again_takes_the_place_of_its_former_connection(agents, fake):
    with fake.control() as first:
        assert first.hear()["ok"]
    eventually(lambda: not support.connected(agents))
    with fake.control(boot_id="b2", uptime_seconds=0.0) as second:
        assert second.hear()["ok"]
        assert agents.doubles() == []


def test_a_machine_that_said_goodbye_gives_its_place_to_another(agents, fake):
    with fake.control() as first:
        assert first.hear()["ok"]
        first.say(number=0, ok=False, code="goodbye")
        assert first.hear() is None
    eventually(lambda: not support.connected(agents))
    with fake.control(product_uuid="p2", boot_id="b2") as second:
        assert second.hear()["ok"]


def test_the_same_machine_replaces_its_connection(agents, fake):
    with fake.control() as first:
        assert first.hear()["ok"]
        with fake.control() as second:
            assert second.hear()["ok"]
            assert first.hear() is None


def test_a_revoked_agent_is_cut_at_once_and_stays_out(agents, fake):
    with fake.control() as control:
        assert control.hear()["ok"]
        with agents.readers(fake.agent_id) as path, socket.socket(socket.AF_UNIX) as reader:
            reader.settimeout(support.PATIENCE)
            reader.connect(str(path))
            token = control.hear()["token"]
            with fake.dial() as disk:
                disk.say(role="reader", token=token)
                disk.socket.sendall(b"x")
                assert reader.recv(1) == b"x"
                agents.revoke(fake.agent_id)
                assert control.hear() is None
                assert reader.recv(1) == b""
    with fake.control() as control:
        assert control.hear()["code"] == "revoked"
    assert agents.known()[0].revoked
    with pytest.raises(AgentAway):
        agents.ask(fake.agent_id, "status", 1)


def test_another_process_revokes(agents, folder, fake):
    with fake.control() as control:
        assert control.hear()["ok"]
        Registry(folder / "agents").revoke(fake.agent_id)
        assert control.hear() is None


def test_a_key_that_was_used_brings_nobody_back_who_was_revoked(agents, folder):
    key, fake = agents.new_key(), support.Fake(agents, folder)
    fake.enroll(key)
    agents.revoke(fake.agent_id)
    assert fake.enroll(key)["code"] == "key-wrong"


def test_a_key_for_a_known_agent_replaces_its_certificate(agents, folder, fake):
    again = support.Fake(agents, folder)
    again.enroll(agents.new_key(agent_id=fake.agent_id))
    assert again.agent_id == fake.agent_id
    with again.control() as new, fake.control() as old:
        assert new.hear()["ok"]
        assert old.hear()["code"] == "revoked"


def test_a_rescue_system_stands_beside_its_machine(agents, folder, fake):
    rescue = support.Fake(agents, folder)
    rescue.enroll(agents.new_key(agent_id=fake.agent_id, kind="rescue"))
    with fake.control() as machine, rescue.control(boot_id="r") as saved:
        assert machine.hear()["ok"]
        assert saved.hear()["ok"]
        (known,) = agents.known()
        assert known.rescue
        assert known.hello["boot_id"] == "r"


def test_a_certificate_is_renewed_before_a_third_of_its_life_is_left(agents, folder):
    then = datetime.now(UTC) - timedelta(days=61)
    fake = support.Fake(agents, folder)
    fake.enroll_at(Registry(folder / "agents", lambda: then))
    with fake.control() as control:
        assert control.hear()["ok"]
        asked = control.hear()
        assert asked["do"] == "renew"
        control.say(number=asked["number"], ok=True, told={"request": fake.request()})
        kept = control.hear()
        assert kept["do"] == "keep"
        control.say(number=kept["number"], ok=True)
    fake.keep(kept["certificate"])
    with fake.control() as control:
        assert control.hear()["ok"]
    life = x509.load_pem_x509_certificate(fake.identity.read_bytes()).not_valid_after_utc
    assert life > datetime.now(UTC) + timedelta(days=89)


def test_a_certificate_that_has_ended_does_not_come_in(agents, folder):
    then = datetime.now(UTC) - timedelta(days=100)
    fake = support.Fake(agents, folder)
    fake.enroll_at(Registry(folder / "agents", lambda: then))
    with fake.control() as control:
        told = control.hear()
        assert (told["ok"], told["code"]) == (False, "expired")
        control.socket.settimeout(support.PATIENCE)
        assert control.socket.recv(1) == b""
    assert not support.connected(agents)


def test_a_certificate_of_a_clock_that_was_ahead_serves_when_it_is_right(agents, folder):
    ahead = datetime.now(UTC) + timedelta(days=365)
    fake = support.Fake(agents, folder)
    fake.enroll_at(Registry(folder / "agents", lambda: ahead))
    with fake.control() as control:
        assert control.hear()["ok"]


def test_a_certificate_of_another_authority_does_not_come_in(agents, folder):
    fake = support.Fake(agents, folder)
    fake.enroll_at(Registry(folder / "others"))
    with pytest.raises(OSError), fake.control() as control:
        control.socket.settimeout(support.PATIENCE)
        if not control.socket.recv(1):
            raise ConnectionResetError


def comes_in(fake):
    try:
        with fake.control() as control:
            return control.hear()["ok"]
    except OSError:
        return False


def test_strangers_that_say_nothing_keep_nobody_out(agents, fake):
    with fake.control() as known:
        assert known.hear()["ok"]
    silent = [socket.create_connection(("127.0.0.1", agents.port)) for _ in range(60)]
    try:
        eventually(lambda: comes_in(fake))
    finally:
        for each in silent:
            each.close()


def test_what_is_kept_survives_the_process(folder):
    first = Agents(folder / "agents", ("127.0.0.1", 0))
    first.start()
    fake = support.Fake(first, folder)
    fake.enroll(first.new_key(), name="kept")
    with fake.control() as control:
        assert control.hear()["ok"]
    first.close()
    second = Agents(folder / "agents", ("127.0.0.1", 0))
    second.start()
    try:
        assert [each.name for each in second.known()] == ["fake"]
        assert second.known()[0].hello["boot_id"] == "b1"
        fake.agents = second
        with fake.control() as control:
            assert control.hear()["ok"]
    finally:
        second.close()
