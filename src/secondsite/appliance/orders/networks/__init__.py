"""Networks of this site, and the cards that are to be connected to them.

Its rooms:

    network_checks  networks that are not here, or cannot be used now
    point_cards     what the cards of a point are connected to
    production      networks of production that a test failover is to use
    drill_networks  the network of the machines of one test failover
    reserving       the addresses of a failed-over machine's cards that a DHCP server of this site
                    gives
"""
