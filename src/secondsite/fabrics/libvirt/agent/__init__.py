"""What the agent of a running guest does for us.

Its rooms:

    addressing  a card is given an address
    program     what is run in the guest for that
    scripting   a script is run
    guest       commands that a guest's agent runs
"""
