"""Decisions about one machine: hooks, properties, adoption, platform, system disk, paths.

Its rooms:

    hooks         which scripts run when a machine is moved, and at which site
    properties    which name, vCPUs and memory a machine may have at its second site
    adopting      the state and number of a machine that a new vault takes over
    platforms     between which kinds of sites machines are replicated
    nearest       what a host has that is nearest to a machine's chip set, processor or firmware
    hardware      what its own system boots from elsewhere, with nothing written to its disks
    releases      which of two releases is the older one
    other_server  what speaks against its start on another server than its own
    prepared      what its operator would miss in the hour of need
    connecting    what lets somebody connect to it after a failover, and who saw that it is so
    system_disk   which disk a machine boots from
    stand_ins     what a machine finds at the other site where a disk was left out
    guest_paths   paths of files inside a guest, as people read and type them
    rolling_scan  what is compared where tracking may miss a write, and since when that may have been
"""
