"""Cases about machines that are made from replicas, withdrawn, restored and consolidated."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...datapath.disks import image
from ...domain import errors
from ...ground.units import MiB
from ...wire.common.machines import MachineDefinition, NicDefinition
from ...wire.common.properties import Sizing
from ..interface import HostRequest, PowerState, StartTrial
from . import steps
from .under_test import FabricUnderTest

MACS = ("52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03")
NEW_MAC = "52:54:00:aa:bb:cc"


class HostingCases:
    def test_a_machine_is_made_on_overlays_started_and_removed_and_its_disks_stay(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric, request = under_test.fabric, guest_on_overlays(under_test, "hosted")
        assert not [one for one in fabric.hosting.check(request.definition) if one.blocking]
        for _ in range(2):
            fabric.hosting.create(request)
        made = steps.machine_of(under_test, request.fabric_id)
        assert (made.name, made.tag, made.power) == (request.name, steps.TAG, PowerState.OFF)
        assert [Path(disk.path) for disk in made.definition.disks] == list(request.disks.values())
        fabric.power.start(request.fabric_id)
        steps.write(under_test, request.fabric_id, 1 * MiB, 0x55)
        for _ in range(2):
            fabric.hosting.remove(request.fabric_id, steps.TAG)
        assert fabric.inventory.get(request.fabric_id) is None
        assert all(path.exists() for path in request.disks.values())

    def test_what_would_be_made_is_told_without_making_it(self, under_test: FabricUnderTest) -> None:
        fabric, plain = under_test.fabric, guest_on_overlays(under_test, "described")
        request = replace(plain, disks={key: Path(f"/nowhere/{key}.qcow2") for key in plain.disks})
        told = fabric.hosting.describe(request)
        assert fabric.inventory.get(request.fabric_id) is None
        assert bool(told.uri) == bool(told.text)
        if told.text:
            assert all(
                str(each) in told.text for each in (request.name, request.fabric_id, *request.disks.values())
            )

    def test_a_hosted_machine_reads_what_its_overlay_stands_on(self, under_test: FabricUnderTest) -> None:
        request = guest_on_overlays(under_test, "reads-through")
        under_test.fabric.hosting.create(request)
        under_test.fabric.power.start(request.fabric_id)
        with steps.view(under_test, request.fabric_id, None) as session:
            assert steps.byte_at(session.disks[0], 0) == 0x41
        under_test.fabric.hosting.remove(request.fabric_id, steps.TAG)

    def test_cards_are_connected_and_addressed_as_the_request_says(self, under_test: FabricUnderTest) -> None:
        cards = tuple(NicDefinition(key=f"net{number}", mac=mac) for number, mac in enumerate(MACS))
        plain = guest_on_overlays(under_test, "cards")
        request = replace(
            plain,
            definition=plain.definition.model_copy(
                update={"fabric_kind": "other", "native": "", "nics": cards}
            ),
            networks={"net0": "lan-b", "net1": None, "net2": "dmz-b"},
            macs={"net2": NEW_MAC},
        )
        for _ in range(2):
            under_test.fabric.hosting.create(request)
        made = steps.machine_of(under_test, request.fabric_id).definition
        assert [(nic.mac, nic.network) for nic in made.nics] == [(MACS[0], "lan-b"), (NEW_MAC, "dmz-b")]
        under_test.fabric.hosting.remove(request.fabric_id, steps.TAG)

    def test_a_start_on_trial_leaves_nothing_behind(self, under_test: FabricUnderTest) -> None:
        fabric, plain = under_test.fabric, guest_on_overlays(under_test, "tried")
        folder = under_test.scratch_dir.with_name("trial")
        networks = {nic.key: nic.network for nic in plain.definition.nics if nic.network is not None}
        before = fabric.inventory.list()
        found = fabric.hosting.try_start(StartTrial(plain.definition, plain.sizing, networks, folder))
        assert [one.what for one in found if one.blocking] == []
        assert fabric.inventory.list() == before
        assert not folder.exists()

    def test_it_has_the_name_vcpus_and_memory_of_the_last_request(self, under_test: FabricUnderTest) -> None:
        fabric, plain = under_test.fabric, guest_on_overlays(under_test, "sized")
        fabric.hosting.create(plain)
        sizing = Sizing(
            vcpus=plain.definition.vcpus + 1, memory_bytes=plain.definition.memory_bytes + 16 * MiB
        )
        assert not [one for one in fabric.hosting.check(plain.definition, sizing) if one.blocking]
        for name, wanted in (("sized-dr", sizing), (plain.name, Sizing())):
            fabric.hosting.create(replace(plain, name=name, sizing=wanted))
            made = steps.machine_of(under_test, plain.fabric_id)
            vcpus, memory_bytes = made.definition.vcpus, made.definition.memory_bytes
            assert (made.name, vcpus) == (name, wanted.vcpus or plain.definition.vcpus)
            assert memory_bytes == (wanted.memory_bytes or plain.definition.memory_bytes)
        fabric.hosting.remove(plain.fabric_id, steps.TAG)

    def test_the_host_has_processors_and_memory_of_which_some_is_free(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        has = under_test.fabric.hosting.capacity()
        assert has.vcpus > 0
        assert 0 < has.free_bytes <= has.memory_bytes

    def test_the_host_says_the_model_of_its_processors_if_it_knows_it(
        self, under_test: FabricUnderTest
    ) -> None:
        model = under_test.fabric.hosting.cpu_model()
        assert model is None or model.strip() == model != ""

    def test_it_says_which_cpu_models_its_machines_can_have(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)
        models = under_test.fabric.hosting.cpu_models()
        assert "host-model" in models
        assert len(models) > 1

    def test_removing_a_foreign_machine_is_refused(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)
        fabric_id = under_test.make_machine("foreign", [steps.DISK_BYTES])
        with steps.refused(errors.NotOurs):
            under_test.fabric.hosting.remove(fabric_id, steps.TAG)
        assert under_test.fabric.inventory.get(fabric_id) is not None

    def test_a_foreign_machine_of_the_same_name_or_id_is_left_alone(
        self, under_test: FabricUnderTest
    ) -> None:
        request = guest_on_overlays(under_test, "same-name")
        foreign = steps.machine_of(under_test, under_test.make_machine("owner", [steps.DISK_BYTES]))
        for fabric_id, name in ((request.fabric_id, foreign.name), (foreign.fabric_id, request.name)):
            with steps.refused(errors.NotOurs):
                under_test.fabric.hosting.create(_renamed(request, fabric_id, name))
        assert steps.machine_of(under_test, foreign.fabric_id) == foreign

    def test_a_machine_of_the_same_id_on_other_disks_is_not_taken_for_the_one_that_is_asked_for(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        fabric, request = under_test.fabric, guest_on_overlays(under_test, "old-copy")
        old = steps.machine_of(under_test, steps.protected(under_test, "defined-anew"))
        for power in (PowerState.RUNNING, PowerState.OFF):
            with steps.refused(errors.FabricError):
                fabric.hosting.create(_renamed(request, old.fabric_id, old.name))
            assert fabric.power.state(old.fabric_id) is power
            fabric.power.stop(old.fabric_id)
        assert steps.machine_of(under_test, old.fabric_id).definition.disks == old.definition.disks

    def test_a_withdrawn_machine_cannot_be_started_and_is_restored_as_it_was(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        hosting = under_test.fabric.hosting
        fabric_id = steps.protected(under_test, "withdrawn")
        steps.stopped(under_test, fabric_id)
        before = steps.machine_of(under_test, fabric_id)
        with steps.refused(errors.NotOurs):
            hosting.withdraw(fabric_id, steps.OTHER_TAG)
        definition = hosting.withdraw(fabric_id, steps.TAG)
        under_test.reopen()
        assert under_test.fabric.inventory.get(fabric_id) is None
        with steps.refused(errors.SecondsiteError):
            under_test.fabric.power.start(fabric_id)
        for _ in range(2):
            under_test.fabric.hosting.restore(definition, steps.TAG)
        after = steps.machine_of(under_test, fabric_id)
        assert (after.name, after.tag, after.power) == (before.name, before.tag, PowerState.OFF)
        assert after.definition.disks == before.definition.disks
        under_test.fabric.power.start(fabric_id)

    def test_a_withdrawn_machine_keeps_its_delta(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)
        fabric_id = steps.protected(under_test, "withdrawn-delta")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * MiB, 0x19)
        steps.stopped(under_test, fabric_id)
        definition = under_test.fabric.hosting.withdraw(fabric_id, steps.TAG)
        under_test.fabric.hosting.restore(definition, steps.TAG)
        with steps.view(under_test, fabric_id, base) as session:
            assert not session.disks[0].bitmaps or steps.dirty_blocks(session.disks[0]) == {16}
            assert steps.byte_at(session.disks[0], 1 * MiB) == 0x19

    def test_a_running_machine_is_consolidated_and_keeps_its_content(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id, originals = _home_again(under_test, "merge-on")
        told: list[float] = []
        for _ in range(2):
            under_test.fabric.hosting.consolidate(fabric_id, originals, told.append)
        assert under_test.fabric.power.state(fabric_id) is PowerState.RUNNING
        assert told[-1] == 1.0
        steps.write(under_test, fabric_id, 3 * MiB, 0x43)
        _is_consolidated(under_test, fabric_id, originals, {0: 0x41, MiB: 0x42, 3 * MiB: 0x43})
        steps.stopped(under_test, fabric_id)
        under_test.fabric.power.start(fabric_id)
        _is_consolidated(under_test, fabric_id, originals, {0: 0x41, MiB: 0x42, 3 * MiB: 0x43})

    def test_a_machine_that_is_off_is_consolidated_and_keeps_its_content(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id, originals = _home_again(under_test, "merge-off")
        told: list[float] = []
        steps.stopped(under_test, fabric_id)
        for _ in range(2):
            under_test.fabric.hosting.consolidate(fabric_id, originals, told.append)
        assert under_test.fabric.power.state(fabric_id) is PowerState.OFF
        under_test.fabric.power.start(fabric_id)
        _is_consolidated(under_test, fabric_id, originals, {0: 0x41, MiB: 0x42})


def guest_on_overlays(under_test: FabricUnderTest, name: str) -> HostRequest:
    """A request for a machine on an overlay over the disk of another one, which is off and has 0x41 at
    byte 0."""
    steps.require_hosts(under_test)
    source = steps.running(under_test, f"{name}-source")
    steps.write(under_test, source, 0, 0x41)
    steps.stopped(under_test, source)
    definition = steps.machine_of(under_test, source).definition
    return HostRequest(
        fabric_id=str(uuid.uuid4()),
        name=f"{name}-{uuid.uuid4().hex[:8]}",
        definition=definition,
        disks=overlays(under_test, definition),
        networks={nic.key: None for nic in definition.nics},
        tag=steps.TAG,
    )


def overlays(under_test: FabricUnderTest, definition: MachineDefinition) -> dict[str, Path]:
    """Overlays two deep in folders of their own, because replicas are chains."""
    tops = {}
    for disk in definition.disks:
        original = under_test.disk_path(definition.fabric_id, disk.key)
        replica = under_test.scratch_dir.with_name(uuid.uuid4().hex[:8])
        middle, top = replica / "disks" / "middle.qcow2", replica / "run" / "top.qcow2"
        for path in (middle, top):
            path.parent.mkdir(parents=True)
        image.create_overlay(middle, original, disk.format, disk.size_bytes, relative=False)
        image.create_overlay(top, middle, "qcow2", disk.size_bytes)
        tops[disk.key] = top
    return tops


def _renamed(request: HostRequest, fabric_id: str, name: str) -> HostRequest:
    return HostRequest(fabric_id, name, request.definition, request.disks, request.networks, request.tag)


def _home_again(under_test: FabricUnderTest, name: str) -> tuple[str, Mapping[str, Path]]:
    """A machine that came home: it runs under its old id on overlays over its own original disks."""
    steps.require_hosts(under_test)
    fabric_id = steps.protected(under_test, name)
    steps.write(under_test, fabric_id, 0, 0x41)
    steps.stopped(under_test, fabric_id)
    keys = steps.keys_of(under_test, fabric_id)
    originals = {key: under_test.disk_path(fabric_id, key) for key in keys}
    tops = overlays(under_test, steps.machine_of(under_test, fabric_id).definition)
    definition = under_test.fabric.hosting.withdraw(fabric_id, steps.TAG)
    networks = {nic.key: nic.network for nic in definition.nics}
    under_test.fabric.hosting.create(
        HostRequest(fabric_id, definition.name, definition, tops, networks, steps.TAG)
    )
    under_test.fabric.power.start(fabric_id)
    steps.write(under_test, fabric_id, 1 * MiB, 0x42)
    return fabric_id, originals


def _is_consolidated(
    under_test: FabricUnderTest, fabric_id: str, originals: Mapping[str, Path], values: Mapping[int, int]
) -> None:
    for key, path in originals.items():
        assert under_test.disk_path(fabric_id, key) == path
    with steps.view(under_test, fabric_id, None) as session:
        assert {at: steps.byte_at(session.disks[0], at) for at in values} == values
    under_test.fabric.tracking.acknowledge(fabric_id, None)
