"""Cards as they are to be, at random; and guests' files from before."""

from hypothesis import strategies as st

from secondsite.domain.networks.guest_config.card_plan import CardPlan, Route

MAC = "52:54:00:00:00:01"
FOUR = {
    "address": "10.2.0.5/24",
    "gateway": "10.2.0.1",
    "dns": "10.2.0.2",
    "route": Route("10.77.0.0/16", "10.2.0.254"),
}
SIX = {
    "address": "2001:db8:2::5/64",
    "gateway": "fe80::1",
    "dns": "2001:db8:2::53",
    "route": Route("2001:db8:77::/48", "2001:db8:2::9"),
}


def plan(*parts, name="eth0", **more):
    """A card with these parts of each of the families."""
    fields = (("addresses", "address"), ("gateways", "gateway"), ("dns_servers", "dns"))
    found = {field: tuple(kind[part] for kind in parts or (FOUR,)) for field, part in fields}
    return CardPlan(name, MAC, **{**found, **more})


@st.composite
def plans(draw):
    kinds = draw(st.sampled_from([(FOUR,), (SIX,), (FOUR, SIX)]))
    some = {
        field: tuple(kind[part] for kind in kinds if draw(st.booleans()))
        for field, part in (("gateways", "gateway"), ("dns_servers", "dns"), ("routes", "route"))
    }
    return CardPlan("eth0", MAC, tuple(kind["address"] for kind in kinds), **some)
