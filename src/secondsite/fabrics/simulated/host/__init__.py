"""The simulated hypervisor: storage daemons, disk files, records that several processes share.

Its rooms:

    host     opens machines in daemons and closes them
    daemon   a storage daemon that outlives who started it
    disks    chains of disk files and their bitmaps
    files    small files that processes share
    records  the site's records of its machines
    pausing  how guests are paused
    faults   faults and delays on demand
"""
