"""An appliance does not talk to a vault that is too many releases apart, and says which of the two to
upgrade."""

from datetime import UTC, datetime

import pytest
from websockets.exceptions import InvalidHandshake

from secondsite.appliance.control.connection import require_common
from secondsite.wire.control import Welcome
from secondsite.wire.control.protocols import PROTOCOL_VERSION

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("protocol", "oldest", "upgrade"),
    [
        (PROTOCOL_VERSION + 3, PROTOCOL_VERSION + 1, "Upgrade the appliance."),
        (0, None, "Upgrade the vault."),
    ],
)
def test_a_vault_too_many_releases_apart_is_left_alone(protocol, oldest, upgrade):
    welcome = Welcome(vault_time=NOW, protocol=protocol, oldest_protocol=oldest, version="7.7")
    with pytest.raises(InvalidHandshake, match=r"release 7\.7, .* more than 2 releases apart") as refused:
        require_common(welcome)
    assert upgrade in str(refused.value)


@pytest.mark.parametrize(
    "said", [{}, {"protocol": PROTOCOL_VERSION + 2, "oldest_protocol": PROTOCOL_VERSION}]
)
def test_one_of_the_first_release_or_two_releases_ahead_is_talked_to(said):
    require_common(Welcome(vault_time=NOW, **said))
