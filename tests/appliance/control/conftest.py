"""A vault that appliances dial."""

import pytest

from rig.appliances import TinyVault


@pytest.fixture
def vault(ca):
    vault = TinyVault(ca)
    yield vault
    vault.stop()
