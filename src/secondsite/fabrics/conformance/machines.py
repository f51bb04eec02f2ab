"""Cases about inventory, power, pausing guests, and networks.

Those of the inventory and of power need no view of a disk."""

from __future__ import annotations

import secrets
import uuid
from pathlib import Path
from unittest import SkipTest

from ...datapath.disks import image
from ...domain import errors
from ...domain.networks import spanning
from ...ground.units import MiB
from ...wire.common.machines import NetworkService, ServedHost
from ..interface import LocalSpan, Networks, PowerState
from . import steps
from .under_test import FabricUnderTest

LOOPBACK = "127.0.0.1"


class InventoryCases:
    def test_the_inventory_finds_machines_with_their_disks_and_sizes(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = under_test.make_machine("listed", [3 * MiB, 5 * MiB])
        listed = {machine.fabric_id: machine for machine in under_test.fabric.inventory.list()}
        found = steps.machine_of(under_test, fabric_id)
        assert listed[fabric_id].definition == found.definition
        assert found.name.startswith("listed")
        assert found.tag is None
        assert [disk.size_bytes for disk in found.definition.disks] == [3 * MiB, 5 * MiB]
        assert len({disk.key for disk in found.definition.disks}) == 2
        assert found.definition.fabric_kind == under_test.fabric.properties.kind

    def test_what_a_machine_has_in_use_is_told_as_of_now_and_of_its_next_start(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = under_test.make_machine("in-use", [3 * MiB, 5 * MiB])
        definition = steps.machine_of(under_test, fabric_id).definition
        for on in (False, True) if under_test.fabric.properties.hosts else (True,):
            if on:
                under_test.switch_on(fabric_id)
            found = under_test.fabric.inventory.holding(fabric_id)
            assert {(disk.key, disk.path) for disk in found.disks} == {
                (disk.key, disk.path) for disk in definition.disks
            }
            assert {(disk.now, disk.kept, disk.read_only) for disk in found.disks} == {(on, True, False)}
            assert found.macs == {nic.mac.lower() for nic in definition.nics}
            assert found.stays

    def test_a_machine_that_nobody_knows_is_missing(self, under_test: FabricUnderTest) -> None:
        unknown = str(uuid.uuid4())
        assert under_test.fabric.inventory.get(unknown) is None
        assert under_test.fabric.power.state(unknown) is PowerState.MISSING
        with steps.refused(errors.NotFound):
            under_test.fabric.inventory.holding(unknown)
        under_test.fabric.power.stop(unknown)


class PowerCases:
    def test_power_start_and_stop_can_be_repeated(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)
        power = under_test.fabric.power
        fabric_id = under_test.make_machine("power", [steps.DISK_BYTES])
        under_test.fabric.tracking.enable(fabric_id, steps.TAG)
        for _ in range(2):
            power.start(fabric_id)
            assert power.state(fabric_id) is PowerState.RUNNING
        assert steps.machine_of(under_test, fabric_id).power is PowerState.RUNNING
        for _ in range(2):
            power.stop(fabric_id)
            assert power.state(fabric_id) is PowerState.OFF

    def test_a_machine_runs_on_when_the_fabric_object_is_dropped(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.running(under_test, "runs-on")
        under_test.reopen()
        assert under_test.fabric.power.state(fabric_id) is PowerState.RUNNING

    def test_a_machine_whose_hypervisor_was_killed_is_off_and_starts_again(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.running(under_test, "killed")
        steps.killed(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        assert under_test.fabric.power.state(fabric_id) is PowerState.RUNNING

    def test_a_start_that_is_forbidden_stays_so_until_it_is_allowed_again(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        power = under_test.fabric.power
        fabric_id = steps.protected(under_test, "forbidden")
        power.allow_start(fabric_id, steps.TAG, with_host=True)
        assert power.starts_with_host(fabric_id)
        for _ in range(2):
            power.forbid_start(fabric_id, steps.TAG)
        assert power.state(fabric_id) is PowerState.RUNNING
        assert not power.starts_with_host(fabric_id)
        steps.stopped(under_test, fabric_id)
        under_test.reopen()
        with steps.refused(errors.FabricError):
            under_test.fabric.power.start(fabric_id)
        marked = steps.machine_of(under_test, fabric_id)
        assert (marked.tag, marked.start_forbidden) == (steps.TAG, True)
        for _ in range(2):
            under_test.fabric.power.allow_start(fabric_id, steps.TAG, with_host=False)
        assert not under_test.fabric.power.starts_with_host(fabric_id)
        under_test.fabric.power.start(fabric_id)
        marked = steps.machine_of(under_test, fabric_id)
        assert (marked.tag, marked.start_forbidden) == (steps.TAG, False)

    def test_the_start_of_a_machine_without_our_tag_is_left_alone(self, under_test: FabricUnderTest) -> None:
        power = under_test.fabric.power
        fabric_id = under_test.make_machine("not-forbidden", [steps.DISK_BYTES])
        with steps.refused(errors.NotOurs):
            power.forbid_start(fabric_id, steps.TAG)
        with steps.refused(errors.NotOurs):
            power.allow_start(fabric_id, steps.TAG, with_host=True)
        if under_test.fabric.properties.hosts:
            assert not power.starts_with_host(fabric_id)
        under_test.switch_on(fabric_id)

    def test_where_nothing_vetoes_a_start_its_owner_s_is_seen_and_the_mark_stays(
        self, under_test: FabricUnderTest
    ) -> None:
        if under_test.fabric.properties.vetoes:
            raise SkipTest("the platform has a veto")
        fabric_id = steps.protected(under_test, "not-vetoed")
        under_test.fabric.power.forbid_start(fabric_id, steps.TAG)
        steps.stopped(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        assert under_test.fabric.power.state(fabric_id) is PowerState.RUNNING
        steps.until(lambda: fabric_id in under_test.fabric.inventory.running())
        assert not under_test.fabric.power.starts_with_host(fabric_id)
        assert steps.machine_of(under_test, fabric_id).start_forbidden


class MachineCases:
    def test_what_a_disk_begins_with_is_told_or_nothing(self, under_test: FabricUnderTest) -> None:
        fabric_id = under_test.make_machine("begins", [3 * MiB])
        (disk,) = steps.machine_of(under_test, fabric_id).definition.disks
        under_test.switch_on(fabric_id)
        under_test.write(fabric_id, disk.key, 0, b"\x41" * 65536)
        beginning, path = under_test.fabric.inventory.beginning, Path(disk.path)
        is_plain = path.exists() and not image.look(path, disk.format, written=True).encrypted
        is_read = under_test.fabric.properties.hosts and is_plain
        assert beginning(fabric_id, disk.key, 8192) == (b"\x41" * 8192 if is_read else b"")
        assert beginning(fabric_id, "none-such", 8192) == b""

    def test_a_shutdown_says_truly_whether_the_machine_is_off(self, under_test: FabricUnderTest) -> None:
        power = under_test.fabric.power
        fabric_id = steps.protected(under_test, "shutdown")
        steps.checkpoint(under_test, fabric_id)
        grace_seconds = 20 if under_test.obeys_shutdown else 0.5
        assert power.shut_down(fabric_id, grace_seconds) is under_test.obeys_shutdown
        expected = PowerState.OFF if under_test.obeys_shutdown else PowerState.RUNNING
        assert power.state(fabric_id) is expected
        if not under_test.obeys_shutdown:
            steps.stopped(under_test, fabric_id)
        assert power.shut_down(fabric_id, 1) is True

    def test_a_pause_stops_all_guests_and_lets_them_go_on(self, under_test: FabricUnderTest) -> None:
        both = [steps.filing(under_test, name) for name in ("pause-a", "pause-b")]
        with under_test.fabric.common_pause.pause(both, budget_seconds=10) as instant:
            assert instant.tzinfo is not None
            assert all(under_test.stands_still(fabric_id) for fabric_id in both)
        assert not any(under_test.stands_still(fabric_id) for fabric_id in both)

    def test_a_pause_ends_after_an_error_inside(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.filing(under_test, "pause-error")
        with steps.refused(errors.FabricError):
            with under_test.fabric.common_pause.pause([fabric_id], budget_seconds=10):
                raise errors.FabricError("The test broke off.")
        assert not under_test.stands_still(fabric_id)

    def test_views_opened_while_guests_are_paused_share_one_instant(
        self, under_test: FabricUnderTest
    ) -> None:
        both = [steps.protected(under_test, name) for name in ("set-a", "set-b")]
        bases = [steps.base_of_instants(under_test, fabric_id) for fabric_id in both]
        for fabric_id in both:
            steps.write(under_test, fabric_id, 0, 0x11)
        with under_test.fabric.common_pause.pause(both, budget_seconds=15):
            first = steps.view(under_test, both[0], bases[0])
            second = steps.view(under_test, both[1], bases[1])
            views = [first.__enter__(), second.__enter__()]
        try:
            for fabric_id in both:
                steps.write(under_test, fabric_id, 0, 0x22)
            assert [steps.byte_at(session.disks[0], 0) for session in views] == [0x11, 0x11]
        finally:
            second.__exit__(None, None, None)
            first.__exit__(None, None, None)


class NetworkCases:
    def test_an_isolated_network_is_made_once_and_removed_once(self, under_test: FabricUnderTest) -> None:
        networks = _networks(under_test)
        name = f"ss-{secrets.token_hex(3)}"
        made = networks.create_isolated(name, steps.TAG)
        try:
            assert (made.name, made.isolated, made.tag) == (name, True, steps.TAG)
            assert networks.create_isolated(name, steps.TAG) == made
            assert made in networks.list()
        finally:
            networks.remove(name, steps.TAG)
        networks.remove(name, steps.TAG)
        assert name not in [network.name for network in networks.list()]

    def test_a_network_is_served_anew_and_no_more_once_it_is_removed(
        self, under_test: FabricUnderTest
    ) -> None:
        networks = _networks(under_test)
        if networks.cannot_serve() is not None:
            raise SkipTest("this host serves no networks")
        name = f"ss-{secrets.token_hex(3)}"
        serving = NetworkService(subnet="10.9.8.0/24")
        with steps.refused(errors.NotFound):
            networks.serve(name, steps.TAG, serving)
        networks.create_isolated(name, steps.TAG)
        try:
            with steps.refused(errors.NotOurs):
                networks.serve(name, steps.OTHER_TAG, serving)
            host = ServedHost(name="web01", mac="52:54:00:00:00:01")
            for each in (serving, serving, serving.model_copy(update={"hosts": (host,)})):
                networks.serve(name, steps.TAG, each)
        finally:
            networks.remove(name, steps.TAG)
        assert name not in [network.name for network in networks.list()]

    def test_a_network_spans_hosts_is_served_there_and_goes_whole(self, under_test: FabricUnderTest) -> None:
        networks = _networks(under_test)
        name = f"ss-{secrets.token_hex(3)}"
        with steps.refused(errors.NotPossibleNow):
            networks.segment_mtu("203.0.113.77")
        longest = min(networks.segment_mtu(LOOPBACK) - spanning.OVERHEAD, 1450)
        span = LocalSpan(
            number=spanning.number(name), mtu=longest, own=LOOPBACK, peers=("127.0.0.2",), index=0
        )
        made = networks.create_isolated(name, steps.TAG, span)
        try:
            assert (made.name, made.isolated, made.tag) == (name, True, steps.TAG)
            serving = NetworkService(subnet="10.9.8.0/24")
            for _ in range(2):
                networks.create_isolated(name, steps.TAG, span)
                if networks.cannot_serve() is None:
                    networks.serve(name, steps.TAG, serving, span)
        finally:
            for _ in range(2):
                networks.remove(name, steps.TAG)
        assert name not in [network.name for network in networks.list()]

    def test_a_network_that_spans_from_an_address_of_no_interface_is_refused(
        self, under_test: FabricUnderTest
    ) -> None:
        networks = _networks(under_test)
        name = f"ss-{secrets.token_hex(3)}"
        span = LocalSpan(number=7, mtu=1450, own="203.0.113.77", peers=("203.0.113.78",), index=0)
        try:
            with steps.refused(errors.NotPossibleNow):
                networks.create_isolated(name, steps.TAG, span)
        finally:
            networks.remove(name, steps.TAG)
        assert name not in [network.name for network in networks.list()]

    def test_a_foreign_network_is_left_alone(self, under_test: FabricUnderTest) -> None:
        networks = _networks(under_test)
        name = f"ss-{secrets.token_hex(3)}"
        networks.create_isolated(name, steps.OTHER_TAG)
        try:
            with steps.refused(errors.NotOurs):
                networks.create_isolated(name, steps.TAG)
            with steps.refused(errors.NotOurs):
                networks.remove(name, steps.TAG)
            assert name in [network.name for network in networks.list()]
        finally:
            networks.remove(name, steps.OTHER_TAG)


def _networks(under_test: FabricUnderTest) -> Networks:
    if not under_test.fabric.properties.networks:
        raise SkipTest("this fabric makes no networks")
    return under_test.fabric.networks
