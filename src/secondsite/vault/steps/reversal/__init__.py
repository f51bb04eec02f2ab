"""Reprotect: where a machine is protected back to, or on to: its old disks or new ones, with its former
appliance or another.

    alternate_location   the request, and the machine in the roles that it will have
    further_site         on to a site that is neither of its two, and what it left at others
    leaving              withdraws the old machine, also where its appliance is gone for good
    automatic_reprotect  reprotects by itself after the commit of a planned failover
    automatic_settle     moves its disks out of the store by itself, after the commit or that reprotect
    checking             what both sides are asked before anything stops
    capacity             how many disks may come home to an appliance at once
"""
