"""DNS names that point to machines which run here.

Its rooms:

    handlers   the order, and what a check warns of
    addresses  which address a name gets
    updating   one name, until its server says that it has the address
    server     what is asked of the server, signed
    notes      what names pointed to before
    secret     the key's file
"""
