"""A new vault takes over what this appliance has of one that is gone.

Its rooms:

    handlers           the orders: what is here, and one machine is taken over
    adoptable          all that is here of one machine
    orphaned_replicas  a replica that only lies in a store
"""
