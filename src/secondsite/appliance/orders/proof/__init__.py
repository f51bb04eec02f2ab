"""Proof that a machine started.

Its rooms:

    proving  look at the machine for a while, and judge
    text     what a console wrote, as people can read it
"""
