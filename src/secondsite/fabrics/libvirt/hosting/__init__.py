"""Machines that are made here from replicas.

Its rooms:

    hosting        create, remove, withdraw, restore
    allowed        what another site may say of a machine
    comes_along    what becomes of each part of a definition
    foreign        filters a definition that another site wrote
    plain          a definition in libvirt's language for machines of other platforms
    adapt          adapt a definition to this site
    consoles       the consoles of an adapted definition
    gone           parts of a definition at home that do not exist any more
    guards         network filters of cards, and their isolation
    generation     the id by which a guest learns that it went back in time
    machine_types  the kinds of machine that this host's QEMU emulates
    newer          parts that older releases of libvirt do not know
    homecoming     the definition of a machine that comes home
    missing_parts  what a definition asks of its host
    sizing         other vCPUs and memory than its definition has
    cpu_models     another CPU model than its definition has
    dry_run        tries whether a machine can start here
    consolidate    merge a disk's chain back into one file
    settling       move the disks of a machine that runs to other storage
    destinations   what they are moved to: volumes, files, devices
    occupied       what of a host is somebody's already, and never overwritten
    network_disks  how a disk names a place of the network
    needed_files   what its owner would lose with the files of a run
    firmware       UEFI variables and TPM state
    snapshots      the owner's snapshots, kept while a machine is withdrawn
"""
