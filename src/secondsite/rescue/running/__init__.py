"""A machine runs: as a process of plain QEMU, or as libvirt has it.

Its rooms:

    request       what is to run, whoever runs it
    by_qemu       as a process of plain QEMU
    by_libvirt    as libvirt has it
    looking       whether it runs, and who runs it
    qemu          processes of plain QEMU, and the interfaces of their cards
    command_line  what QEMU is told of a machine
    virsh         libvirt, by its own command
    domain        the libvirt definition that was kept ready, with the files as they lie now
"""
