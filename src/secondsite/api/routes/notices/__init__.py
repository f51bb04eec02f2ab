"""Routes: what people and programs are told of.

Its rooms:

    targets  whom to tell
"""
