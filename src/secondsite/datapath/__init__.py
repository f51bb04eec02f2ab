"""The data path: brings changes of disks from one site to the replica at the other.

A cycle leaves the source through `transfer`, waits at the target in `cycles` as one durable file, and is
applied to the `replica`. Each package shows its public face in its `__init__`; others import only that.

Its rooms:

    replica/     what the target keeps of one machine
    transfer/    one cycle, sent and received
    cycles/      cycles at rest: inbox and journal
    channel/     frames and messages over mutual TLS
    frames/      the shape of what travels
    digests/     digests of the content of disks
    disks/       images, NBD, the storage daemon
    encryption/  keys, and files encrypted with them
    files        small files of a store
    extents      ranges of a disk
    errors       errors of the data path
"""
