"""Decisions about networks.

Its rooms:

    subnets           which subnet a network of a test failover can have, and the names of machines on it
    addresses         which addresses a machine's card can be given at its second site
    portgroups        parts of a network, each of which counts as one
    macs              MAC addresses that are made here
    names             DNS names of its cards
    spanning          a network of a drill that spans hosts
    splitting         networks of which some machines move while others stay
    served_addresses  which address a card gets on a network that an appliance serves
    pools             which address a card gets out of a pool
    guest_config/     what is written into a guest's own network configuration
"""
