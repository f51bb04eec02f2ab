"""A guest's network configuration is changed and put back by its own shell, here in a folder of this host;
what judges it are the programs of Debian's packages."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.networks.guest_config import choosing
from secondsite.domain.networks.guest_config.card_plan import (
    FOLDER,
    CardPlan,
    GuestFile,
    NotUnderstood,
    NotYet,
)
from secondsite.domain.networks.guest_config.choosing import Program
from secondsite.fabrics.libvirt.agent import lasting
from secondsite.fabrics.libvirt.agent.lasting_lines import BACK, LOOK, PUT
from tests.fabrics.libvirt.agent.support_files import GuestFiles, package

WHOSE = "machine-1"
INTERFACES = "/etc/network/interfaces"
CARD = "/etc/network/interfaces.d/50-cloud-init"
TEXT = "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n"
OWN = "# café \xff\nauto eth0\niface eth0 inet dhcp\n".encode("latin-1")


@pytest.fixture
def guest(tmp_path):
    found = GuestFiles(tmp_path)
    found.has("ifup", package("ifupdown") / "sbin/ifup")
    found.has("ifquery", package("ifupdown") / "sbin/ifup")
    found.write({INTERFACES: TEXT, "/etc/network/interfaces.d/50-cloud-init": OWN})
    return found


def plan(address="10.2.0.5/24", name="eth0", **more):
    return CardPlan(name, "52:54:00:00:00:01", (address,), **more)


def looked(guest, card="lo"):
    said, ended = guest.run(LOOK, card)
    assert ended == 0, said
    return lasting.told(said)


def put(guest, files, program=Program.IFUPDOWN, whose=WHOSE, card="eth0", from_home=True):
    return guest.run(PUT, guest.brought(files), whose, program.value, card, "yes" if from_home else "no")


def changed(guest, wanted, from_home=True):
    """What the guest's files become by what it says."""
    found = choosing.change(wanted, looked(guest))
    said, ended = put(guest, found.files, found.program, card=wanted.name, from_home=from_home)
    assert ended == 0, said
    return found


def test_the_guests_own_program_reads_the_address_and_afterwards_all_is_as_it_was(guest):
    before = guest.files()
    changed(guest, plan(gateways=("10.2.0.1",), dns_servers=("10.2.0.2",)))
    said, _ = guest.run("ifquery eth0")
    assert {"address: 10.2.0.5", "netmask: 255.255.255.0", "gateway: 10.2.0.1"} <= set(said.splitlines())
    assert "dns-nameservers: 10.2.0.2" in said
    assert guest.files() != before
    said, ended = guest.run(BACK, WHOSE)
    assert (ended, "back /etc/network/interfaces.d/50-cloud-init" in said) == (0, True)
    assert guest.files() == before
    assert not (guest.root / FOLDER.lstrip("/")).exists()


def test_what_was_put_back_is_told_again_to_whoever_asks_again(guest):
    changed(guest, plan())
    said = guest.run(BACK, WHOSE)
    assert guest.run(BACK, WHOSE) == said == ("back /etc/network/interfaces.d/50-cloud-init\nstays eth0\n", 0)
    assert guest.run(BACK, "machine-2") == ("", 0)
    changed(guest, plan())
    assert guest.run(BACK, WHOSE) == said


def test_who_asks_again_while_a_guest_is_slow_waits_his_turn_there(guest):
    before = guest.files()
    changed(guest, plan())
    os.mkfifo(guest.root / "goes")
    guest.has_own("ifup", "#!/bin/sh\nread -r on < /goes\n")
    guest.has_own("sleep", "#!/bin/sh\n: > /waits\nexec /usr/bin/sleep 0.1\n")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(guest.run, BACK, WHOSE)
        with (guest.root / "goes").open("w") as goes:  # which waits until the guest reads it
            second = pool.submit(guest.run, BACK, WHOSE)
            eventually((guest.root / "waits").exists, 20)
            goes.write("on\n")
    assert first.result() == second.result() == ("back /etc/network/interfaces.d/50-cloud-init\n", 0)
    assert guest.files() == before


def test_given_again_otherwise_the_files_of_the_very_beginning_are_kept(guest):
    before = guest.files()
    for address in ("10.2.0.5/24", "10.3.0.7/16", "10.3.0.7/16"):
        changed(guest, plan(address))
    said, _ = guest.run("ifquery eth0")
    assert "address: 10.3.0.7" in said.splitlines()
    guest.run(BACK, WHOSE)
    assert guest.files() == before


def test_what_the_guests_program_does_not_take_is_not_left_there(guest):
    before = guest.files()
    _, ended = put(guest, [GuestFile(INTERFACES, "iface eth1 inet dhcp\n")])
    assert ended == 4
    assert guest.files() == before


def test_what_its_owner_set_at_home_since_the_last_journey_is_what_comes_back(guest):
    """The file of before the first journey came back from the second, and the owner's was nowhere."""
    changed(guest, plan())
    guest.write({CARD: "auto eth0\niface eth0 inet static\n    address 10.1.0.77/24\n"})
    before = guest.files()
    changed(guest, plan("10.3.0.7/16"))
    guest.run(BACK, WHOSE)
    assert guest.files() == before


def test_what_nobody_put_back_at_home_is_not_taken_for_what_it_had_there(guest):
    before = guest.files()
    changed(guest, plan())
    changed(guest, plan("10.3.0.7/16"))
    guest.run(BACK, WHOSE)
    assert guest.files() == before


def test_what_somebody_changed_at_a_second_site_is_not_taken_for_what_it_had_at_home(guest):
    before = guest.files()
    changed(guest, plan())
    guest.write({CARD: "auto eth0\niface eth0 inet dhcp\n"})
    changed(guest, plan("10.3.0.7/16"), from_home=False)
    guest.run(BACK, WHOSE)
    assert guest.files() == before


def test_a_card_whose_program_does_not_take_it_leaves_the_other_cards_theirs(guest):
    """It undid all cards, and of the others it was said that they last."""
    before = guest.files()
    changed(guest, plan())
    one_card = guest.files()
    (guest.root / "own/netplan").write_text("#!/bin/sh\nexit 78\n")
    (guest.root / "own/netplan").chmod(0o755)
    refused = [GuestFile("/etc/netplan/new.yaml", "network: {}\n"), GuestFile(CARD, "auto eth1\n")]
    assert put(guest, refused, Program.NETPLAN, card="eth1")[1] == 4
    assert guest.files() == one_card
    said, _ = guest.run(BACK, WHOSE)
    assert guest.files() == before
    assert "left" not in said


def test_a_file_that_cannot_be_put_takes_what_was_put_with_it_back(guest):
    """Nothing was told, and the half of it stayed."""
    before = guest.files()
    files = [GuestFile("/etc/network/a", "a"), GuestFile("/etc/network/interfaces/b", "a file is no folder")]
    assert put(guest, files)[1] == 4
    assert guest.files() == before
    assert not list((guest.root / "etc").rglob(".secondsite-new"))
    assert not (guest.root / FOLDER.lstrip("/")).exists()


def test_what_somebody_changed_since_is_left_and_named(guest):
    changed(guest, plan())
    guest.write({"/etc/network/interfaces.d/50-cloud-init": "auto eth0\niface eth0 inet manual\n"})
    said, ended = guest.run(BACK, WHOSE)
    assert (ended, said.split("\n")[0]) == (0, "left /etc/network/interfaces.d/50-cloud-init")
    assert guest.files()["etc/network/interfaces.d/50-cloud-init"][0].endswith(b"manual\n")


def test_the_files_of_another_protection_are_not_put_back(guest):
    changed(guest, plan())
    after = guest.files()
    said, ended = guest.run(BACK, "machine-2")
    assert (said, ended) == ("", 0)
    assert guest.files() == after


def test_a_file_that_was_not_there_is_gone_again_and_one_keeps_its_mode(guest):
    (guest.root / "etc/network/interfaces").chmod(0o640)
    before = guest.files()
    new = GuestFile("/etc/NetworkManager/system-connections/a.nmconnection", "[connection]\n", 0o600)
    files = [new, GuestFile(INTERFACES, TEXT + "iface eth0 inet dhcp\n")]
    assert put(guest, files)[1] == 0
    modes = {path: mode & 0o777 for path, (_, mode) in guest.files().items()}
    assert modes["etc/NetworkManager/system-connections/a.nmconnection"] == 0o600
    assert modes["etc/network/interfaces"] == 0o640
    guest.run(BACK, WHOSE)
    assert guest.files() == before


CONTENTS = st.binary(max_size=200).map(lambda each: each.replace(b"\r", b""))
NAMES = st.sampled_from(["/etc/a", "/etc/network/b c", "/etc/new/d", "/etc/netplan/e.yaml"])


@given(
    st.dictionaries(NAMES, CONTENTS),
    st.lists(st.dictionaries(NAMES, CONTENTS, min_size=1), min_size=1, max_size=2),
    st.integers(1, 9),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_put_and_wherever_it_dies_all_is_as_it_was_once_it_is_put_back(
    before, puts, nth, is_back, refuses
):
    """It dies while it puts, or while it puts back; then it is put back. The guest's program may not take
    the last ones."""
    with tempfile.TemporaryDirectory() as folder:
        guest = GuestFiles(Path(folder))
        (guest.root / "own/netplan").write_text("#!/bin/sh\nexit 78\n")
        (guest.root / "own/netplan").chmod(0o755)
        guest.write(before)
        was = guest.files()
        for number, files in enumerate(puts):
            found = [GuestFile(path, text.decode(errors="surrogateescape")) for path, text in files.items()]
            is_last = number + 1 == len(puts)
            if is_last and not is_back:
                guest.dies_at(nth)
            put(guest, found, Program.NETPLAN if refuses and is_last else Program.NETWORKD)
        if is_back:
            guest.dies_at(nth)
            guest.run(BACK, WHOSE)
        guest.lives()
        said, ended = guest.run(BACK, WHOSE)
        assert (ended, "left" in said) == (0, False), said
        assert guest.files() == was


def test_what_a_guest_tells_is_bounded():
    with pytest.raises(NotUnderstood, match="too many files"):
        lasting.told("".join(f"interfaces {'YQ==' if not n else f'YW{n:02d}'} YQ==\n" for n in range(99)))
    with pytest.raises(NotUnderstood, match="too long"):
        lasting.told(f"interfaces YQ== {'A' * 100_000}")
    with pytest.raises(errors.FabricError, match="not understood"):
        lasting.told("interfaces YQ== ???")


@pytest.mark.parametrize(("state", "problem"), [("starting", NotYet), ("running", NotUnderstood)])
def test_of_a_guest_that_boots_it_is_not_known_yet_what_configures_its_cards(
    guest, monkeypatch, state, problem
):
    guest.write({INTERFACES: TEXT, "/own/systemctl": f"#!/bin/sh\necho {state}\n"})
    (guest.root / "own/systemctl").chmod(0o755)
    (guest.root / "etc/network/interfaces.d/50-cloud-init").unlink()
    told = looked(guest)
    monkeypatch.setattr(lasting, "look", lambda *_: told)
    with pytest.raises(problem, match="no file of /etc/network names eth0") as raised:
        lasting.put(None, plan(), WHOSE, 1, from_home=True)
    assert type(raised.value) is problem
