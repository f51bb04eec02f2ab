"""The certificate of a removed appliance is refused at the data ports, also on open connections and
without a vault."""

import pytest

from rig.eventually import eventually
from secondsite.datapath import channel
from secondsite.datapath.errors import DatapathError
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.control.orders import Kind, SetSite

pytestmark = pytest.mark.slow


def enroll_only(site, *appliances):
    """As the vault says it to the site's appliance."""
    payload = SetSite(bandwidth=BandwidthShape(), enrolled=tuple(each.appliance_id for each in appliances))
    site.do(Kind.SET_SITE, payload)


def dial(site, by):
    return channel.dial("127.0.0.1", site.port, by.appliance.peers.tls, idle_seconds=5)


def is_refused(site, by):
    try:
        dial(site, by).close()
    except DatapathError:
        return True
    return False


def test_a_removed_appliance_is_refused_at_both_data_ports_also_after_a_restart_without_a_vault(
    sites, make_site
):
    a, b = sites
    c = make_site("c").start()
    for site in (a, b):
        enroll_only(site, a, b)
        assert is_refused(site, c)
        site.stop()
        site.start()
        assert is_refused(site, c)
    assert not is_refused(b, a)
    assert not is_refused(a, b)


def test_its_open_connections_end_when_it_is_removed_and_those_of_others_stay(sites, make_site):
    a, b = sites
    c = make_site("c").start()
    enroll_only(b, a, b, c)
    with dial(b, c) as removed, dial(b, a) as stays:
        enroll_only(b, a, b)
        eventually(lambda: removed.has_input(), 5)  # the end
        with pytest.raises(DatapathError):
            removed.receive()
        assert not stays.has_input()


def test_replication_of_those_who_are_enrolled_goes_on(pair, sites):
    for site in sites:
        enroll_only(site, *sites)
    pair.protect().synchronized()
    assert pair.point_now()


def test_before_a_vault_has_said_who_is_enrolled_its_certificates_count(sites):
    a, b = sites
    b.do(Kind.SET_SITE, SetSite(bandwidth=BandwidthShape()))
    assert not is_refused(b, a)
