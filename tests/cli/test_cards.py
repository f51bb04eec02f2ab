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
