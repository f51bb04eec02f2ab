"""Preflight by trying: what no look at a definition finds.

Its rooms:

    views   a frozen view of a machine at its source
    starts  a start of a machine at its second site, with throwaway disks
    own_machine  a tiny machine of the appliance's own, so that a new host is tried on its first day
"""
