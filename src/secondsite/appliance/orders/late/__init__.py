"""What comes of an order when it has ended.

Its rooms:

    taken_back  a guest that goes off when its shutdown was given up
"""
