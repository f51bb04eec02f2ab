"""Machines that are made here from replicas.

Its rooms:

    hosting      create, remove, withdraw, restore
    adapt        adapt a definition to this site
    consolidate  merge a disk's chain back into one file
    firmware     UEFI variables and TPM state
"""
