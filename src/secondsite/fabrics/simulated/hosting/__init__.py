"""Machines that are made here from replicas.

Its rooms:

    hosting        create, remove, withdraw, restore
    consolidation  merge each disk back into one file
"""
