"""DNS names that point to machines which run here.

Its rooms:

    records    the order, and the warnings of checks
    addresses  which address a name gets
    server     signed queries and updates of the DNS server
    secret     reads the file of the TSIG key
"""
