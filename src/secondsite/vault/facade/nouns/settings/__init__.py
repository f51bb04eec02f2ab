"""Settings of single machines, sites and networks.

Its rooms:

    cards               how a machine's network cards are connected at its second site
    assigned_addresses  addresses that other cards will have
    checks              checks of a machine after each start
    connecting          what lets somebody connect after a failover: told, and confirmed by people
    hooks               scripts that run when a machine is moved
    properties          a machine's name, vCPUs and memory at the second site
    pairs               settings of a pair of sites
    pools               address pools of the sites' networks
"""
