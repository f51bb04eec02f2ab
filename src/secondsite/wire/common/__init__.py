"""Shapes that faces and appliances both know.

Its rooms:

    base, field_texts            what all shapes share
    bounds                       limits of all fields that have none of their own
    numbers                      values that shapes share
    machines                     a machine, its disks and its network cards
    points, findings, sync_mode  what is known of a machine's replication
    evidence, machine_checks     what was seen of a machine after its start, and what is checked
    hooks                        scripts that run when it is moved
    confirmed_lines              what people confirmed of it
    guest_files                  files inside a point
    compact                      points in a third of the memory
    policies, bandwidth, cards, properties  settings
    stores                       the folders that replicas are kept in, and the space there
    disk_places                  where disks go that leave them
    hosts                        what the host of an appliance's machines has for them
"""
