"""A machine that runs at a site whose appliance may change names at a real name server."""

import pytest

from rig.name_server import NameServer
from tests.appliance.orders.dns.support_names import settings


@pytest.fixture
def server(tmp_path):
    records = (
        "web01 A 10.7.9.1",
        "alias CNAME web01",
        "many A 10.7.9.1",
        "many A 10.7.9.2",
        "six A 10.7.9.1",
        "six AAAA fd00::1",
    )
    with NameServer(tmp_path / "dns", *records) as server:
        yield server


@pytest.fixture
def site(sites, server):
    return sites[1].restart(dns=settings(server))


@pytest.fixture
def fabric_id(site):
    return site.make_machine("web01", guest_agent=True)
