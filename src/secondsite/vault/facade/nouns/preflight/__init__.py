"""Preflight checks: what would prevent a verb, asked without a job (S-018, S-194, S-293).

Its rooms:

    candidates            which appliances could hold the replica, and why others could not
    appliance_checks      asks an appliance, and turns its answer into obstacles
    failover_readiness    whether a protected machine could be failed over now, and moved without loss
    host_readiness        whether any machine would start at an appliance's host
    returning             what a reprotect would send, and how long it would take
    synchronizations      the same for machines that come back with a data synchronization
    protection_readiness  whether another machine could be protected
"""
