"""Addresses of running guests.

Its rooms:

    addressing  the interface of this room
    guest       commands that a guest's agent runs
    program     what is run in the guest
"""
