"""What the agent of a running guest does for us.

Its rooms:

    addressing    a card is given an address
    scripting     a script is run
    file_systems  what the guest's kernel says of those that it has mounted
    guest         commands that a guest's agent runs
"""
