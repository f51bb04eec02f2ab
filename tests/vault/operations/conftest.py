"""A vault whose verbs are walked with appliances that answer from a script."""

import pytest

from tests.vault.support_operations import Verbs, folder_in_memory


@pytest.fixture
def verbs():
    """With two machines that can be protected."""
    with folder_in_memory() as folder:
        verbs = Verbs(folder, ("web01", "db01"))
        yield verbs
        verbs.close()
