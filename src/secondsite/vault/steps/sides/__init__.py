"""Orders to the two sides of a machine, without a thread that waits.

Its rooms:

    orders                gives an order, and gets its typed facts
    placing               which appliances are the two sides of a new machine
    hosts                 on which host of the target's site a new machine is placed
    replica_hosts         which other host of the site takes a machine's replica over
    side                  one of a machine's two appliances
    source                the side where the machine runs
    target                the side that has the replica
    network_cards         what a machine's network cards are connected to at the target
    properties            its name, vCPUs and memory at the target
    shared_drill_network  the network that is made for a drill
    drill_networks        one network of a drill for each that its machines are in at home
    addressing            the addresses that its cards should have at the target
    pool_addresses        the addresses that they get out of pools
    address_fit           whether its guest's own addresses fit the networks at the target
    dns_names             changes its DNS names to where it runs
    proving               what is seen of a machine after its start
    other_hosts           whether a machine was migrated to another host of its site just now
    runs_nowhere          whether a failover that did not end left the machine off at both sites
    forced_start          starts the old copy of a failed-over machine although that is forbidden
"""
