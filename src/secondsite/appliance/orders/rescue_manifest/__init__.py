"""What is kept in the store for whoever has nothing but it: how its machines are started, and in which order.

Its rooms:

    handlers      the order
    former_vault  what a former vault said stays beside it
    records       what a new vault would have to know of each machine
    writing       a file that says something, and since when
"""
