"""Servers on the isolated networks that we make, and reservations of libvirt's own DHCP servers.

Its rooms:

    commands   runs a program that changes the host's network
    dnsmasq    addresses by DHCP, and names
    isolation  keeps the host out of these networks
    offering   the same on networks of libvirt's daemon, by its own server
    reserving  addresses that libvirt's own DHCP servers give to certain cards
    tunnels    join a network with those of other hosts
"""
