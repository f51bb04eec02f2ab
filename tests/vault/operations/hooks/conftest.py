"""A protected machine with a hook of each moment."""

import pytest

from tests.vault.operations.hooks.support_hooks import GIVE, GOOD, TAKE, hook


@pytest.fixture
def hooked(verbs):
    verbs.protect()
    hook(verbs, GIVE, TAKE)
    verbs.appliances.scripts |= {"give-address": GOOD, "take-address": GOOD}
    return verbs
