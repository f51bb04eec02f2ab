"""DNS names that point to machines which run here.

Its rooms:

    handlers   the order, and what a check warns of
    addresses  which address a name gets
    server     what is asked of the server, signed
    secret     the key's file
"""
