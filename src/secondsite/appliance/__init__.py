"""The agent beside a site's hypervisors: takes the vault's orders, replicates by itself, keeps the replicas.

Its rooms:

    process   one process: starts and stops the parts
    control/  the connection to the vault, enrollment, certificates
    orders/   one file per group of orders; each can be repeated
    agents/   agents in machines that were moved from one site to another
    groups/   replication groups and their common points
    helper/   machines of our own that read what a guest wrote
    source/   machines that are replicated from here
    target/   replicas that are kept here
    shared/   configuration, durable state, peers, findings
"""
