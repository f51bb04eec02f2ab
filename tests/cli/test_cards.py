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
