"""What runs on the isolated networks that we make.

Its rooms:

    dnsmasq  addresses by DHCP, and names
"""
