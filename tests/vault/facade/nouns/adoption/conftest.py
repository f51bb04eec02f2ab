"""A vault with two simulated sites, which tests lose."""

import pytest

from tests.vault.facade.nouns.adoption.support_adoption import World
from tests.vault.facade.nouns.adoption.support_saying import Adopting


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def furnished(world):
    world.furnish()
    world.wait_kept()
    return world


@pytest.fixture
def bereft(furnished, monkeypatch):
    """Vault and site a are gone; b's appliance is enrolled at a new vault, which knows nothing else."""
    furnished.lose_vault()
    furnished.lose_site("a")
    furnished.new_vault()
    furnished.enroll_again("b", monkeypatch)
    furnished.wait_told()
    return furnished


@pytest.fixture
def adopt(vault):
    """Adopts, with an appliance of site b that has these machines."""
    identity = vault.enroll("b", "b-1")

    return Adopting(vault, identity)
