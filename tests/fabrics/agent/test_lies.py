"""What an agent tells is bounded before anything is made of it; its record is bounded too, and one that is
torn hides no other machine."""

import contextlib
import dataclasses
import json
import time
import types
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secondsite.datapath.extents import Extent
from secondsite.domain import errors
from secondsite.fabrics.agent import AgentFabric, collecting, inventory
from secondsite.fabrics.agent.link import AgentAway, AgentRefused
from secondsite.fabrics.interface import SessionRequest
from secondsite.ground.units import KiB, MiB

from .support_telling import server

TAG = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
DISK = {"key": "wwn:1", "name": "sda", "size_bytes": 4 * MiB}


class Liar:
    """Agents that answer what a test wants; `mute` ones do not."""

    def __init__(self, count=1):
        self.ids = [str(uuid.uuid4()) for _ in range(count)]
        self.answers = {"machine": server(disks=[{**DISK, "boots": True}]), "disks": [DISK], "status": {}}
        self.asked, self.mute, self.hello = [], set(), {}

    def find(self, agent_id):
        return next((each for each in self.known() if each.agent_id == agent_id), None)

    def known(self):
        now = datetime.now(UTC)
        return [
            types.SimpleNamespace(
                beside=None,
                agent_id=each,
                name="m",
                connected=True,
                heard_at=now,
                hello=self.hello,
                rescue=False,
                is_shut_out=False,
                authority="",
                valid_since=None,
            )
            for each in self.ids
        ]

    def doubles(self):
        return ()

    def ask(self, agent_id, do, seconds, /, **words):
        self.asked.append((agent_id, do))
        if agent_id in self.mute:
            raise AgentAway(f"The agent did not answer '{do}'.")
        return self.answers.get(do, {})

    def answer_fences(self, forbids):
        pass

    def tell_apart(self, hardware):
        pass

    @contextlib.contextmanager
    def readers(self, agent_id):
        yield Path("/nowhere")


@pytest.fixture
def make(tmp_path):
    made = []

    def make(liar):
        made.append(AgentFabric(liar, tmp_path / "work", lambda: None))
        return made[-1]

    yield make
    for fabric in made:
        fabric.close()


def request(tmp_path, fabric_id, base):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return SessionRequest(fabric_id, ("sda",), base, "secondsite-1-2-x", scratch)


@pytest.fixture
def based(make, tmp_path):
    """A fabric, its liar and a request whose base is known."""
    liar = Liar()
    fabric = make(liar)
    [machine] = liar.ids
    fabric.tracking.enable(machine, TAG)
    assert fabric.inventory.get(machine)
    liar.answers["open"] = {"bitmap": "b"}
    with fabric.tracking.open(request(tmp_path, machine, None)) as session:
        pass
    fabric.tracking.acknowledge(machine, session.checkpoint)
    return fabric, liar, request(tmp_path, machine, session.checkpoint)


def reads(monkeypatch, size_bytes, *dirty):
    """What its readers find."""

    class Disk:
        def __init__(self, *_, **__):
            self.size_bytes = size_bytes

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def dirty(self):
            return list(dirty)

        def read_many(self, wanted):
            return ((each.offset, bytearray(each.length)) for each in wanted)

    monkeypatch.setattr(collecting, "NbdDisk", Disk)


@pytest.mark.parametrize(
    ("opened", "size_bytes", "dirty"),
    [
        ({"bitmap": "b", "dirty_blocks": [1]}, 4 * MiB, [Extent(0, 128 * KiB)]),
        ({"bitmap": "b"}, 4 * MiB, [Extent(0, 64 * KiB)]),
        ({"bitmap": "b", "dirty_blocks": [1]}, 1 << 50, [Extent(1 << 49, 64 * KiB)]),
        ({"bitmap": "b", "dirty_blocks": [-1]}, 4 * MiB, []),
        ({"bitmap": "b", "dirty_blocks": ["all"]}, 4 * MiB, []),
        ({"bitmap": "b", "dirty_blocks": [1 << 70]}, 4 * MiB, []),
        ({"bitmap": "b\x1b[2J"}, 4 * MiB, []),
        ({"dirty_blocks": []}, 4 * MiB, []),
        ([], 4 * MiB, []),
        ("b", 4 * MiB, []),
    ],
)
def test_a_view_that_is_not_as_it_was_told_is_none(based, monkeypatch, opened, size_bytes, dirty):
    fabric, liar, wanted = based
    liar.answers["open"] = opened
    reads(monkeypatch, size_bytes, *dirty)
    with pytest.raises(errors.FabricError), fabric.tracking.open(wanted):
        pass


@pytest.mark.parametrize(
    "disk",
    [
        {**DISK, "size_bytes": -1},
        {**DISK, "size_bytes": 1 << 60},
        {**DISK, "size_bytes": "4"},
        {**DISK, "key": ""},
        {**DISK, "key": "a\nb"},
        {**DISK, "name": "x" * 1000},
        {"key": "k"},
        None,
    ],
)
def test_a_disk_that_nobody_has_is_refused(based, disk):
    fabric, liar, wanted = based
    liar.answers["disks"] = [disk]
    with pytest.raises(errors.FabricError), fabric.tracking.open(wanted):
        pass


def test_an_agent_whose_numbers_are_huge_gets_no_space_here(based, monkeypatch):
    fabric, liar, wanted = based
    liar.answers["open"] = {"bitmap": "b", "dirty_blocks": [1 << 40]}
    reads(monkeypatch, 4 * MiB)
    with fabric.tracking.open(wanted) as session:
        assert not session.is_instant
        assert [disk.collected for disk in session.disks] == [None]


def test_what_it_says_for_people_comes_without_control_characters_and_not_at_any_length(based, monkeypatch):
    fabric, liar, wanted = based
    said = {"consistent": False, "reason": "\x1b[2J\nno" + "x" * 5000}
    liar.answers["open"] = {"bitmap": "b", "instant": {"app": said}}
    reads(monkeypatch, 4 * MiB)
    with fabric.tracking.open(wanted) as session:
        assert session.reason is not None
        assert session.reason.isprintable()
        assert len(session.reason) == 1000


def test_an_agent_that_tells_ever_new_disks_has_its_record_filled_only_so_far(make, tmp_path):
    liar = Liar()
    fabric = make(liar)
    for number in range(3):
        disks = [{**DISK, "key": f"wwn:{number}-{each}", "boots": True} for each in range(400)]
        liar.answers["machine"] = server(disks=disks)
        liar.hello = {"uptime_seconds": number}
        found = fabric.inventory.get(liar.ids[0])
    assert found is not None
    record = json.loads((tmp_path / "work" / "machines" / f"{liar.ids[0]}.json").read_bytes())
    assert len(record["keys"]) == 800


def test_a_torn_record_is_told_and_hides_no_other_machine(make, tmp_path):
    liar = Liar(2)
    fabric = make(liar)
    for each in liar.ids:
        fabric.tracking.enable(each, TAG)
    assert len(fabric.inventory.list()) == 2
    torn = tmp_path / "work" / "machines" / f"{liar.ids[0]}.json"
    torn.write_bytes(torn.read_bytes()[:40])
    again = make(liar)
    assert [each.fabric_id for each in again.inventory.list()] == [liar.ids[1]]
    with pytest.raises(errors.FabricError, match="cannot be read"):
        again.inventory.tag(liar.ids[0])
    with pytest.raises(errors.FabricError, match="cannot be read"):
        again.tracking.enable(liar.ids[0], TAG)


def test_an_agent_whose_own_record_is_torn_takes_no_other_one_away(agents, make_fake, folder):
    torn, whole = make_fake(), make_fake()
    (folder / "agents" / "known" / f"{torn.agent_id}.json").write_text('{"agent_id": "')
    (folder / "agents" / "known" / "stray.json").write_text("{}")
    for _ in range(2):
        assert [each.agent_id for each in agents.known()] == [whole.agent_id]
    with whole.control() as connection:
        assert connection.hear()["ok"]


def test_two_hundred_machines_are_listed_without_asking_any_that_was_described(make):
    liar = Liar(200)
    fabric = make(liar)
    assert len(fabric.inventory.list()) == 200
    again, liar.asked = make(liar), []
    began = time.process_time()
    assert len(again.inventory.list()) == len(again.inventory.running()) == 200
    assert not liar.asked
    assert time.process_time() - began < 5


def test_agents_that_never_answered_hold_up_a_list_only_once(make):
    liar = Liar(3)
    liar.mute = {*liar.ids[:2]}
    fabric = make(liar)
    for _ in range(2):
        assert [each.fabric_id for each in fabric.inventory.list()] == [liar.ids[2]]
    assert len(liar.asked) == 3
    liar.mute.clear()
    assert fabric.inventory.get(liar.ids[0]) is not None


def test_a_machine_that_was_too_busy_to_tell_of_itself_is_asked_by_a_later_list(make, monkeypatch):
    liar = Liar()
    liar.mute = {*liar.ids}
    fabric = make(liar)
    assert not fabric.inventory.list()
    liar.mute.clear()
    assert not fabric.inventory.list()
    monkeypatch.setattr(inventory, "AGAIN_SECONDS", 0.0)
    assert [each.fabric_id for each in fabric.inventory.list()] == liar.ids


def test_applications_that_rest_so_slowly_that_too_much_is_written_leave_a_point_as_after_a_power_cut(
    based, monkeypatch
):
    fabric, liar, wanted = based
    reads(monkeypatch, 4 * MiB)
    ask = liar.ask

    def refusing(agent_id, do, seconds, /, **words):
        if words.get("app"):
            raise AgentRefused("much changed", "too-much")
        return ask(agent_id, do, seconds, **words)

    monkeypatch.setattr(liar, "ask", refusing)
    with fabric.tracking.open(dataclasses.replace(wanted, app_consistent=True)) as session:
        assert session.is_instant
        assert session.consistency == "crash"
        assert "brought to rest" in session.reason
