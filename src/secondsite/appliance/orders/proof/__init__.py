"""Proof that a machine started.

Its rooms:

    proving        look at the machine for a while, and judge
    checking       the checks that are set for it
    repeating      these once more, while the failed-over machine runs
    addressing     the addresses that its cards are to have here
    address_watch  whether it still has them
    grading        what it proves of the recovery point that it was started from
    booting        a copy of a point that is started only to be looked at
    console_text   what a console wrote, as people can read it
"""
