"""Uses the agent of a running guest.

Its rooms:

    addressing    gives a card an address
    scripting     runs a script
    file_systems  asks the guest's kernel about mounted file systems
    guest         commands that a guest's agent runs
"""
