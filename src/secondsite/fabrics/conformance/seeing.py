"""Cases about what can be seen of a machine from outside."""

from __future__ import annotations

import dataclasses
import uuid

from ...domain import errors
from ..interface import HostRequest
from . import steps
from .hosting import overlays
from .under_test import FabricUnderTest

PNG = b"\x89PNG\r\n\x1a\n"
END = b"IEND\xaeB`\x82"


class SeeingCases:
    def test_a_machine_that_runs_shows_its_console_and_a_picture_of_its_screen(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        seeing = under_test.fabric.seeing
        fabric_id = under_test.make_showing_machine("shows")
        sights = seeing.sights(fabric_id)
        assert (sights.console, sights.screen, sights.any) == (True, True, True)
        under_test.fabric.power.start(fabric_id)
        under_test.say(fabric_id, "up")
        steps.until(lambda: seeing.console(fabric_id, 1000).endswith(b"up"))
        assert seeing.console(fabric_id, 1) == b"p"
        picture = seeing.screen(fabric_id)
        assert picture is not None
        assert picture.startswith(PNG)
        assert picture.endswith(END)

    def test_a_machine_without_console_and_screen_shows_nothing(self, under_test: FabricUnderTest) -> None:
        seeing, fabric_id = under_test.fabric.seeing, steps.running(under_test, "shows-nothing")
        assert not seeing.sights(fabric_id).any
        assert seeing.console(fabric_id, 1000) == b""
        assert seeing.screen(fabric_id) is None
        assert seeing.agent_answers(fabric_id) is False
        with steps.refused(errors.FabricError):
            seeing.file_systems(fabric_id)

    def test_a_machine_that_is_off_or_missing_shows_no_picture_and_no_agent(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        seeing, unknown = under_test.fabric.seeing, str(uuid.uuid4())
        for fabric_id in (under_test.make_showing_machine("shows-off"), unknown):
            assert seeing.screen(fabric_id) is None
            assert seeing.agent_answers(fabric_id) is False
        with steps.refused(errors.NotFound):
            seeing.sights(unknown)

    def test_a_machine_that_is_made_anew_shows_nothing_that_an_earlier_one_of_its_name_said(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric, request = under_test.fabric, _showing_on_overlays(under_test)
        fabric.hosting.create(request)
        fabric.power.start(request.fabric_id)
        under_test.say(request.fabric_id, "up")
        steps.until(lambda: fabric.seeing.console(request.fabric_id, 1000).endswith(b"up"))
        fabric.hosting.remove(request.fabric_id, steps.TAG)
        again = dataclasses.replace(request, fabric_id=str(uuid.uuid4()))
        fabric.hosting.create(again)
        assert fabric.seeing.sights(again.fabric_id).console
        assert fabric.seeing.console(again.fabric_id, 1000) == b""
        fabric.power.start(again.fabric_id)
        under_test.say(again.fabric_id, "p")
        steps.until(lambda: fabric.seeing.console(again.fabric_id, 1000).endswith(b"p"))
        fabric.hosting.remove(again.fabric_id, steps.TAG)


def _showing_on_overlays(under_test: FabricUnderTest) -> HostRequest:
    steps.require_hosts(under_test)
    definition = steps.machine_of(under_test, under_test.make_showing_machine("shows-again")).definition
    return HostRequest(
        fabric_id=str(uuid.uuid4()),
        name=f"shows-again-{uuid.uuid4().hex[:8]}",
        definition=definition,
        disks=overlays(under_test, definition),
        networks={nic.key: None for nic in definition.nics},
        tag=steps.TAG,
    )
