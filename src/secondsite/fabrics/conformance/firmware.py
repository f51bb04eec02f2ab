"""Cases about the state that a machine's firmware keeps outside its disks."""

from __future__ import annotations

import dataclasses
import uuid

from ...ground.units import KiB
from ..interface import HostRequest
from . import steps
from .hosting import overlays
from .under_test import FabricUnderTest

VARIABLES = bytes(range(256)) * 4 * 128


class FirmwareCases:
    def test_a_machine_without_firmware_state_has_none(self, under_test: FabricUnderTest) -> None:
        fabric_id = under_test.make_machine("no-firmware", [steps.DISK_BYTES])
        assert under_test.fabric.firmware.read(fabric_id) == {}

    def test_the_uefi_variables_of_a_machine_are_read_as_they_are(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)
        fabric_id = under_test.make_firmware_machine("variables", VARIABLES)
        assert len(VARIABLES) == 128 * KiB
        assert under_test.fabric.firmware.read(fabric_id) == {"nvram": VARIABLES}

    def test_a_hosted_machine_gets_the_variables_that_are_brought_and_writes_its_own_copy(
        self, under_test: FabricUnderTest
    ) -> None:
        request = _with_variables(under_test, "hosted-variables")
        for _ in range(2):
            under_test.fabric.hosting.create(request)
        assert under_test.fabric.firmware.read(request.fabric_id) == {"nvram": VARIABLES}
        under_test.fabric.hosting.remove(request.fabric_id, steps.TAG)

    def test_a_machine_that_is_there_keeps_its_variables_when_its_making_is_repeated(
        self, under_test: FabricUnderTest
    ) -> None:
        request = _with_variables(under_test, "made-twice")
        under_test.fabric.hosting.create(request)
        other = dataclasses.replace(request, firmware={"nvram": bytes(len(VARIABLES))})
        under_test.fabric.hosting.create(other)
        assert under_test.fabric.firmware.read(request.fabric_id) == {"nvram": VARIABLES}
        under_test.fabric.hosting.remove(request.fabric_id, steps.TAG)

    def test_a_machine_made_again_after_its_removal_gets_what_is_brought_then(
        self, under_test: FabricUnderTest
    ) -> None:
        request = _with_variables(under_test, "made-again")
        under_test.fabric.hosting.create(request)
        under_test.fabric.hosting.remove(request.fabric_id, steps.TAG)
        other = bytes(reversed(VARIABLES))
        under_test.fabric.hosting.create(dataclasses.replace(request, firmware={"nvram": other}))
        assert under_test.fabric.firmware.read(request.fabric_id) == {"nvram": other}
        under_test.fabric.hosting.remove(request.fabric_id, steps.TAG)

    def test_a_withdrawn_machine_is_restored_with_its_variables_whatever_ran_here_meanwhile(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        hosting = under_test.fabric.hosting
        fabric_id = under_test.make_firmware_machine("withdrawn-variables", VARIABLES)
        under_test.fabric.tracking.enable(fabric_id, steps.TAG)
        tops = overlays(under_test, steps.machine_of(under_test, fabric_id).definition)
        definition = hosting.withdraw(fabric_id, steps.TAG)
        newer = bytes(reversed(VARIABLES))
        hosting.create(
            HostRequest(
                fabric_id, definition.name, definition, tops, {}, steps.TAG, firmware={"nvram": newer}
            )
        )
        assert under_test.fabric.firmware.read(fabric_id) == {"nvram": newer}
        hosting.remove(fabric_id, steps.TAG)
        for _ in range(2):
            hosting.restore(definition, steps.TAG)
        assert under_test.fabric.firmware.read(fabric_id) == {"nvram": VARIABLES}


def _with_variables(under_test: FabricUnderTest, name: str) -> HostRequest:
    """A request for a UEFI machine on overlays, with variables of an earlier one."""
    steps.require_hosts(under_test)
    source = under_test.make_firmware_machine(f"{name}-source", VARIABLES)
    definition = steps.machine_of(under_test, source).definition
    return HostRequest(
        fabric_id=str(uuid.uuid4()),
        name=f"{name}-{uuid.uuid4().hex[:8]}",
        definition=definition,
        disks=overlays(under_test, definition),
        networks={},
        tag=steps.TAG,
        firmware={"nvram": VARIABLES},
    )
