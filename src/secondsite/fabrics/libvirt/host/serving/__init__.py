"""The isolated networks that we make, and what runs on them.

Its rooms:

    dnsmasq    addresses by DHCP, and names
    isolation  the host takes no part in them
"""
