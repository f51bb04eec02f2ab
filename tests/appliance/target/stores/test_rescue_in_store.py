"""Whoever has a store alone has the program that starts its machines, too."""

import os

import pytest

from secondsite import rescue
from secondsite.appliance.shared import ApplianceConfig, State
from secondsite.appliance.target.stores.stores import Stores


@pytest.fixture
def config(tmp_path):
    return ApplianceConfig(
        appliance_id="x", name="x", site="b", home=tmp_path, store=tmp_path / "store",
        stores={"fast": tmp_path / "fast"}, scratch=tmp_path / "scratch"
    )  # fmt: skip


def test_each_store_gets_the_program_of_this_release_in_place_of_what_is_there(config, tmp_path):
    (tmp_path / "fast").mkdir()
    (tmp_path / "fast" / rescue.NAME).write_text("of another release")
    Stores(config, lambda: ()).start(State(config.state_file))
    for root in config.all_stores.values():
        program = root / rescue.NAME
        assert program.read_bytes() == rescue.bundle()
        assert os.access(program, os.X_OK)
