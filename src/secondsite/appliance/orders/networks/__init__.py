"""Networks of this site, and the cards that are to be connected to them.

Its rooms:

    missing                  networks that are not here, or cannot be used now
    drill_connections        what a drill's cards are connected to after its start
    production               networks of production that a test failover is to use
    shared                   the network of the machines of one test failover
    reserving                the addresses of a failed-over machine's cards that a DHCP server of this site gives
    leasing                  the addresses of a machine's cards on it
    production_counterparts  what is known of the networks that ones of a test failover stand for
"""
