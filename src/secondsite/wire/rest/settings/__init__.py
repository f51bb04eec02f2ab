"""What is set for single machines.

Its rooms:

    cards   how its network cards are connected at the second site
"""
