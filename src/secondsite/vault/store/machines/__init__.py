"""Machines under protection, and what is set for them and known of them.

Its rooms:

    records        the record of a machine, and its table
    machines       reads and writes them
    machine_cache  what was read of machines last
    page_versions  which machines a page has
    settings       what is set for single machines: cards, checks, hooks, properties
    drill_notes    what their drills showed
    statuses       what was last heard of them
    points         the points of their replicas
    rpo            how their RPO has been
"""
