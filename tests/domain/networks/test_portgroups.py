"""What a card's network, or portgroup of a network, becomes by the mappings."""

import pytest

from secondsite.domain.networks import portgroups


@pytest.mark.parametrize(("name", "becomes"), [
    (None, None),
    ("lan", "lan-b"),
    ("other", None),
    ("lan/web", "lan-b/web"),
    ("lan/dmz", "dmz-b"),
    ("other/web", None),
    ("ovs/web", None),
    ("ovs", "core/native"),
])  # fmt: skip
def test_a_portgroup_keeps_its_name_unless_it_is_mapped_by_itself(name, becomes):
    by_name = {"lan": "lan-b", "lan/dmz": "dmz-b", "ovs": "core/native"}
    assert portgroups.mapped(name, by_name) == becomes


@pytest.mark.parametrize(("name", "parts"), [("lan", ("lan", None)), ("lan/a/b", ("lan", "a/b"))])
def test_a_name_is_split_as_it_was_put_together(name, parts):
    assert portgroups.split(name) == parts
    assert portgroups.called(*parts) == name
