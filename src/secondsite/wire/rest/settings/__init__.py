"""What is set for single machines.

Its rooms:

    cards   how its network cards are connected at the second site
    checks  what is checked of it after each start
    properties  its name, vCPUs and memory at the second site
    pools   addresses of the networks there
"""
