"""How a record becomes a row, whichever database it is.

Its rooms:

    columns   types that keep shapes, words and instants the same on SQLite and PostgreSQL
    rows      a record becomes a row and comes back
    failures  what a database's refusal means for the caller
"""
