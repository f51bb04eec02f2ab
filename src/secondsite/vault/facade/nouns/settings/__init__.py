"""What is set for single machines, sites and networks.

Its rooms:

    cards               how a machine's network cards are connected at its second site
    assigned_addresses  addresses that other cards are to have
    checks              what is checked of a machine after each start
    hooks               scripts that run when it is moved
    properties          its name, vCPUs and memory at the second site
    pairs               what holds between two sites
    pools               addresses of the networks there
"""
