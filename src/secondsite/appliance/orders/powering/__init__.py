"""Machines of the source are shut down, and started again.

Its rooms:

    power       the orders
    taken_back  a machine whose shutdown was given up, and which goes off all the same
"""
