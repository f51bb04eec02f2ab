"""A world in which something was lost, for a module that names it."""

import pytest

from tests.vault.real_sites import support_walking


@pytest.fixture(scope="module")
def world(request):
    """Where the module's LOST was lost."""
    with support_walking.after(request.module.LOST) as verbs:
        yield verbs
