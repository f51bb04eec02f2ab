"""A new vault takes over what this appliance has of one that is gone.

Its rooms:

    ordered  the orders: what is here, and one machine is taken over
    found    all that is here of one machine
    lying    a replica that only lies in a store
"""
