"""What is written into a guest's own network configuration, so that a card's address lasts its reboots.

Its rooms:

    card_plan        what a card is to have, and which of a guest's files become what
    ini              files of sections with keys
    networkd         systemd-networkd: a file of ours comes before the guest's
    network_manager  NetworkManager: a connection of ours is preferred to the guest's
    ifupdown         /etc/network/interfaces: the card's stanzas are replaced
    netplan          netplan: the card's definition is changed
    windows          Windows: what a card has by hand, as one state
    resolv_conf      /etc/resolv.conf, where nothing else writes it
    choosing         which of them configures a card, and what becomes of its files
"""
