"""The isolated networks that we make and what runs on them, and what libvirt's own DHCP servers give.

Its rooms:

    dnsmasq    addresses by DHCP, and names
    isolation  the host takes no part in them
    offering   the same on networks of libvirt's daemon, by its own server
    reserving  addresses that libvirt's own DHCP servers give to certain cards
"""
