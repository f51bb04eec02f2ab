"""What people and programs are told of.

Its rooms:

    targets  whom to tell, of what, and when not
"""
