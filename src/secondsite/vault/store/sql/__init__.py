"""Makes rows of records, for both databases.

Its rooms:

    columns   types that keep shapes, words and instants the same on SQLite and PostgreSQL
    rows      makes a row of a record, and a record of a row
    failures  translates errors of the database for the caller
"""
