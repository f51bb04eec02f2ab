"""The rescue manifest: kept in the store for a person who has nothing else, it says how the machines are
started and in which order.

Its rooms:

    handlers      the order
    describing    how one machine would be started here, and when that is written anew
    former_vault  keeps what a former vault said
    records       what a new vault needs to know of each machine
    writing       writes a file, with the time of its last change
"""
