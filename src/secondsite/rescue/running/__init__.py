"""Runs machines: as processes of plain QEMU, or with libvirt.

Its rooms:

    request       what is to run, whoever runs it
    by_qemu       as a process of plain QEMU
    by_libvirt    with libvirt
    looking       finds out whether a machine runs, what runs it, and whose disks that has
    qemu          processes of plain QEMU, and the interfaces of their cards
    command_line  QEMU's arguments for a machine
    virsh         libvirt, by its own command
    domain        the prepared libvirt definition, with the present files
"""
