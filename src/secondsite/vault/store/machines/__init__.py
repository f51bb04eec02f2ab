"""Protected machines, with their settings and statuses.

Its rooms:

    records        the record of a machine, and its table
    machines       reads and writes machines
    machine_cache  a cache of machines that were read
    page_versions  which machines a page has
    settings       settings of single machines: cards, checks, hooks, properties
    drill_notes    notes and verdicts of drills
    statuses       the last statuses of machines
    points         the points of their replicas
    rpo            the RPO series
"""
