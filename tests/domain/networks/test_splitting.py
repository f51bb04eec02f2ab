"""Which networks are split."""

from secondsite.domain.networks.splitting import Member, Split, splits


def test_one_of_which_only_some_move_with_their_addresses_is_split():
    members = [Member("web01", "lan", True), Member("db01", "lan", False), Member("db02", "lan", False)]
    assert splits(members) == (Split("lan", ("web01",), ("db01", "db02")),)


def test_one_that_moves_as_a_whole_or_that_nobody_takes_an_address_from_is_not():
    whole = [Member("web01", "lan", True), Member("db01", "lan", True)]
    other = [Member("web01", "dmz", True, keeps=False), Member("db01", "dmz", False)]
    apart = [Member("web01", "front", True), Member("db01", "back", False)]
    assert splits([*whole, *other, *apart]) == ()


def test_a_machine_with_two_cards_in_it_is_named_once():
    members = [Member("web01", "lan", True), Member("web01", "lan", True), Member("db01", "lan", False)]
    assert splits(members)[0].moving == ("web01",)
