"""Orders to the two sides of a machine, without a thread that waits.

Its rooms:

    orders                give an order, get its typed facts
    placing               which appliances are the two sides of a new machine
    side                  one of a machine's two appliances
    source                where the machine runs
    target                where the replica is
    cards                 what a machine's network cards are connected to there
    properties            its name, vCPUs and memory there
    shared_drill_network  the network that is made for a drill
    drill_networks        one network of a drill for each that its machines are in at home
    addressing            the addresses that its cards are to have there
    pooling               those that they get out of pools
    address_fit           whether those that its guest has will do there
    naming                its DNS names point to where it runs
    proving               what is seen of a machine after its start
    runs_nowhere          whether a failover that did not end left the machine off at both sites
    forced_start          the old copy of a failed-over machine is started although that is forbidden
"""
