"""A libvirt host: its connection, its machines and networks, and power.

Its rooms:

    connection       event loop, connection, deadlines, errors
    callers          threads that call libvirt, so that callers can stop waiting
    emulator         the QEMU processes of an embedded root
    lost_jobs        ends backup jobs that a killed libvirt lost
    accelerator      whether KVM really runs guests here
    permissions      give QEMU's user access to folders
    sockets          short folders for unix sockets
    secrets          the customer's key as a libvirt secret
    serving          DHCP and names on the networks that we make
    monitor          questions to QEMU itself
    qemu_img         images that no QEMU has open
    network_sources  how definitions name disks that come over the network
    network_access   how programs of ours open them
    network_sizes    their sizes, and servers that are silent
    unescaped        XML of libvirt's that is none
    domain_xml       domain XML to MachineDefinition, and our tag in it
    inventory        the machines of the site
    states           what each state of libvirt means
    power            start, shut down, stop
    migration_marks  machines that were migrated away, and are still defined here
    tagging          our tag on a machine, and the veto against its start
    saved_memory     the same mark in a managed save, which has a definition of its own
    withdrawn_disks  the same veto for machines that are not defined here any more
    networks         bridges, and libvirt's own networks
"""
