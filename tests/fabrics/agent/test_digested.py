"""What an agent tells of its disks by digests is what they hold, and crosses the network in a small part of
their size; what it tells that fits nothing is no digest."""

import base64
import os
import types

import pytest

from secondsite.datapath.digests import hashes
from secondsite.datapath.errors import DiskUnreadable
from secondsite.datapath.extents import BLOCK_BYTES, Extent
from secondsite.fabrics.agent.collecting import ViewedPart
from secondsite.fabrics.agent.conversation import Conversation
from secondsite.fabrics.agent.digested import digests
from secondsite.fabrics.agent.last_views import LastViews
from secondsite.fabrics.agent.records import Records
from secondsite.fabrics.agent.tracking import AgentTracking
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import ComparedBlocks, ExpectedBlocks
from secondsite.ground.units import MiB

from . import support_link
from .support_site import AgentSite

pytestmark = support_link.needs_agent
SIZE = 16 * MiB + 4096
MACHINE = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def site(folder):
    site = AgentSite(folder)
    yield site
    site.close()


def test_the_digests_of_a_live_view_are_those_of_the_disk_and_a_view_of_an_instant_has_none(site):
    machine = steps.protected(site, "digested", [SIZE])
    content = bytearray(SIZE)
    for offset in (0, 5 * MiB + 4096, 16 * MiB):
        content[offset : offset + 4096] = data = os.urandom(4096)
        site.write(machine, "sda", offset, data)
    with steps.view(site, machine, None) as session:
        [disk] = session.disks
        assert not session.is_instant
        assert disk.digests
        told = [disk.digests.tell(part) for part in (Extent(0, 8 * MiB), Extent(8 * MiB, SIZE - 8 * MiB))]
    assert b"".join(blocks for blocks, _ in told) == hashes.block_digests(content)
    assert b"".join(pages for _, pages in told) == hashes.page_digests(content)
    site.fabric.tracking.acknowledge(machine, session.checkpoint)
    with steps.view(site, machine, session.checkpoint) as session:
        assert session.is_instant
        assert session.disks[0].digests is None


def teller(**told):
    """Digests of an agent that answers that."""
    answer = {"digests": "", "pages": "", **told}
    agents = types.SimpleNamespace(ask=lambda *_asked, **_words: answer)
    return digests(Conversation(agents, "m"), ViewedPart("sda", "wwn:1", 4 * MiB))


def packed(*of):
    return base64.b64encode(b"".join(of)).decode()


def test_a_part_of_what_was_asked_for_is_completed_and_zeros_take_no_place():
    source = teller(blocks=1, digests=packed(bytes(16)))
    found = source.tell(Extent(0, 3 * BLOCK_BYTES))
    assert found == (hashes.zero_digests(3 * BLOCK_BYTES), hashes.zero_pages(3 * BLOCK_BYTES))


@pytest.mark.parametrize(
    "told",
    [
        {"blocks": 0},
        {"blocks": 1},
        {"blocks": 1, "digests": packed(b"x" * 16)},
        {"blocks": 1, "digests": packed(b"x" * 16), "pages": packed(b"y" * 16 * 17)},
        {"blocks": 1, "digests": packed(bytes(16)), "pages": packed(b"y" * 16)},
        {"blocks": 2, "digests": packed(bytes(32))},
        {"blocks": 1 << 40, "digests": packed(bytes(16))},
        {"blocks": 1, "digests": "no base64"},
        {"blocks": "all", "digests": packed(bytes(16))},
        {},
    ],
)
def test_what_fits_nothing_is_no_digest(told):
    with pytest.raises(DiskUnreadable):
        teller(**told).tell(Extent(0, BLOCK_BYTES))


def behind_its_back(site, machine, offset, data):
    """Changes the disk below the kernel's block layer."""
    with site.machines[machine].files[0].open("r+b") as file:
        file.seek(offset)
        file.write(data)
        os.fsync(file.fileno())


def compared(site, machine, base, content, offset=0):
    expected = hashes.block_digests(content[offset:])
    return site.fabric.tracking.compare(ExpectedBlocks(machine, "sda", base, offset, expected))


def test_what_was_written_below_the_block_layer_is_told_and_what_is_marked_is_not(site):
    machine, content = steps.protected(site, "missed", [SIZE]), bytes(SIZE)
    base = steps.checkpoint(site, machine)
    site.write(machine, "sda", 3 * MiB, os.urandom(4096))
    assert compared(site, machine, base, content) == ComparedBlocks(257)
    behind_its_back(site, machine, 5 * MiB, os.urandom(4096))
    behind_its_back(site, machine, 16 * MiB, os.urandom(4096))
    for _ in range(2):
        assert compared(site, machine, base, content) == ComparedBlocks(257, (5 * MiB, 16 * MiB))
    assert compared(site, machine, base, content, 16 * MiB) == ComparedBlocks(1, (16 * MiB,))
    site.kill(machine)
    site.switch_on(machine)
    assert compared(site, machine, base, content) is None, "all of it is compared anyway"


def test_what_the_equation_notices_as_well_is_a_comparison_that_is_due_and_nothing_more(tmp_path):
    answer = {"blocks": 1, "unmarked": [0], "noticed": "The kernel counted 2 bytes, the tracking 1."}
    agents = types.SimpleNamespace(ask=lambda *_asked, **_words: answer)
    records = Records(tmp_path / "records")
    records.change(MACHINE, keys={"sda": "wwn:1"}, checkpoints={"b": ("sda",)}, base="b")
    tracking = AgentTracking(agents, records, LastViews(agents, records, tmp_path / "last"))
    expected = ExpectedBlocks(MACHINE, "sda", "b", 0, bytes(16))
    assert tracking.compare(expected) is None
    del answer["noticed"]
    assert tracking.compare(expected) == ComparedBlocks(1, (0,))
    answer["unmarked"] = [7]
    assert tracking.compare(expected) == ComparedBlocks(1), "of what was not asked it tells nothing"


def test_a_comparison_with_what_is_no_base_says_nothing(site):
    machine = steps.protected(site, "baseless", [SIZE])
    base = steps.checkpoint(site, machine)
    assert compared(site, machine, "another", bytes(SIZE)) is None
    with steps.view(site, machine, base):
        pass
    assert compared(site, machine, base, bytes(SIZE)) is None, "a cycle is under way"
