"""Network cards at the command line."""

import pytest

pytestmark = pytest.mark.slow


def test_a_card_is_shown_set_and_given_back_to_the_mapping(cli, rig, protected):
    (card,) = cli.must(f"card list {protected} --json").json["cards"]
    assert card["becomes"] == rig.bridge("b")
    words = "--network dmz-b --test-unconnected --new-mac"
    shown = cli.must(f"card set {protected} net0 {words}").out
    assert "dmz-b" in shown
    assert "not connected" in shown
    assert "another" in shown
    (changed,) = cli.must(f"card list {protected} --json").json["cards"]
    assert (changed["network"], changed["test_connected"], changed["keep_mac"]) == ("dmz-b", False, False)
    (off,) = cli.must(f"card set {protected} {card['mac']} --unconnected --json").json["cards"]
    assert (off["network"], off["connected"], off["becomes"]) == (None, False, None)
    back = f"card set {protected} net0 --connected --network '' --test-connected --keep-mac --json"
    assert cli.must(back).json["cards"] == [card]


def test_a_card_or_a_machine_that_is_not_there_is_named_with_the_way_out(cli, protected):
    said = cli(f"card set {protected} net7 --unconnected")
    assert (said.exit, "has no network card 'net7'" in said.err, "card list" in said.err) == (2, True, True)
    assert cli("card list nosuch").exit == 3


def test_an_address_is_set_and_given_up_with_its_gateway(cli, protected):
    words = (
        "--address 10.2.0.5/24 --gateway 10.2.0.1 --dns 10.2.0.2 --dns 10.2.0.3 --test-address 10.9.0.5/24"
    )
    shown = cli.must(f"card set {protected} net0 {words}").out
    assert "10.2.0.5/24" in shown
    assert "10.9.0.5/24" in shown
    (card,) = cli.must(f"card list {protected} --json").json["cards"]
    assert (card["gateway"], card["dns_servers"]) == ("10.2.0.1", ["10.2.0.2", "10.2.0.3"])
    (off,) = cli.must(f"card set {protected} net0 --address '' --test-address '' --json").json["cards"]
    assert (off["address"], off["gateway"], off["dns_servers"], off["test_address"]) == (None, None, [], None)
    assert cli(f"card set {protected} net0 --address 10.2.0.0/24").exit == 2


def test_routes_go_with_the_addresses_and_are_given_up_with_them(cli, protected):
    words = "--route '10.77.0.0/16 via 10.2.0.9' --route '10.78.0.0/16 via 10.2.0.9'"
    said = cli(f"card set {protected} net0 {words}")
    assert (said.exit, "but no address of that family" in said.err) == (2, True)
    (card,) = cli.must(f"card set {protected} net0 --address 10.2.0.5/24 {words} --json").json["cards"]
    assert card["routes"] == [{"to": f"10.{n}.0.0/16", "via": "10.2.0.9"} for n in (77, 78)]
    for wrong in ("10.77.0.0/16", "10.77.0.0/16 via 10.3.0.9", "0.0.0.0/0 via 10.2.0.9", "x via y"):
        assert cli(f"card set {protected} net0 --route '{wrong}'").exit == 2
    (card,) = cli.must(f"card set {protected} net0 --dns 10.2.0.2 --json").json["cards"]
    assert len(card["routes"]) == 2
    (off,) = cli.must(f"card set {protected} net0 --address '' --json").json["cards"]
    assert (off["routes"], off["dns_servers"]) == ([], [])


def test_a_drill_can_have_an_ipv6_address_of_its_own_beside_one_of_ipv4(cli, protected):
    words = "--test-ipv6-address 2001:db8:9::5/64"
    assert cli(f"card set {protected} net0 {words}").exit == 2
    said = cli.must(f"card set {protected} net0 --test-address 10.9.0.5/24 {words}").out
    assert "10.9.0.5/24, 2001:db8:9::5/64" in said


def test_an_ipv6_address_goes_with_that_of_ipv4_and_is_given_up_by_itself(cli, protected):
    words = "--ipv6-address 2001:db8:2::5/64 --ipv6-gateway fe80::1 --ipv6-dns 2001:db8:2::53"
    said = cli(f"card set {protected} net0 {words}")
    assert (said.exit, "but none of IPv4" in said.err) == (2, True)
    shown = cli.must(f"card set {protected} net0 --address 10.2.0.5/24 {words}").out
    assert "2001:db8:2::5/64" in shown
    (card,) = cli.must(f"card set {protected} net0 --ipv6-gateway 2001:db8:2::1 --json").json["cards"]
    assert card["ipv6"] == {
        "address": "2001:db8:2::5/64", "gateway": "2001:db8:2::1", "dns_servers": ["2001:db8:2::53"],
    }  # fmt: skip
    for wrong in ("::ffff:10.2.0.5/96", "2001:db8:2::5/0", "10.2.0.5/24"):
        assert cli(f"card set {protected} net0 --ipv6-address {wrong}").exit == 2
    assert cli(f"card set {protected} net0 --ipv6-gateway 2001:db8:3::1").exit == 2
    (off,) = cli.must(f"card set {protected} net0 --ipv6-address '' --address '' --json").json["cards"]
    assert (off["ipv6"], off["address"]) == (None, None)


def test_a_pool_comes_and_goes_and_a_card_gets_its_address_out_of_it(cli, rig, protected):
    network, pool = rig.bridge("b"), f"dmz-{protected}"
    words = "--subnet 10.2.0.0/24 --range 10.2.0.100-10.2.0.149 --range 10.2.0.200 --gateway 10.2.0.1"
    assert "51 of 51" in cli.must(f"pool create {pool} b/{network} {words}").out
    assert f"b/{network}" in cli.must("pool list").out
    assert "10.2.0.0/24" in cli.must(f"pool set {pool} --gateway '' --dns 10.2.0.2").out
    changed = cli.must(f"pool show {pool} --json").json
    assert (changed["gateway"], changed["dns_servers"], changed["size"]) == (None, ["10.2.0.2"], 51)
    shown = cli.must(f"card set {protected} net0 --from-pool").out
    assert f"out of pool {pool}" in shown
    cli.must(f"pool delete {pool} --yes")
    assert "out of a pool, which is missing" in cli.must(f"card list {protected}").out
    (fixed,) = cli.must(f"card set {protected} net0 --address 10.2.0.5/24 --json").json["cards"]
    assert (fixed["from_pool"], fixed["address"]) == (False, "10.2.0.5/24")
    (again,) = cli.must(f"card set {protected} net0 --from-pool --json").json["cards"]
    assert (again["from_pool"], again["address"]) == (True, None)
    (off,) = cli.must(f"card set {protected} net0 --no-pool --json").json["cards"]
    assert not off["from_pool"]


def test_a_pool_that_cannot_be_is_told_before_anything_is_asked(cli):
    said = cli("pool create dmz b/br0 --subnet 10.2.0.0/24 --range 10.3.0.1")
    assert (said.exit, "does not lie within" in said.err) == (2, True)
    assert cli("pool show nosuch").exit == 3
    assert cli("pool release nosuch 10.2.0.1").exit == 3
