"""What is set for single machines, and for sites.

Its rooms:

    cards         how its network cards are connected at the second site
    checks        what is checked of it after each start
    hooks         scripts that run when it is moved
    properties    its name, vCPUs and memory at the second site
    pools         addresses of the networks there
    verification  what a site gives to copies of points that are booted to be looked at
"""
