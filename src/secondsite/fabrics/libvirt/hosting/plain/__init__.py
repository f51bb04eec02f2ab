"""The definition of a machine that another kind of platform described, in libvirt's language.

Its rooms:

    drives     what its disks are attached to here
    emulated   which devices this host's QEMU has
    machine    the whole definition
    notes      what of that its operator should know
"""
