"""A vault's backup is one file: the database as of one instant, the CA with its keys, the settings, and
digests of all.

Its rooms:

    commands         the command line
    backup_schedule  a vault that runs makes them by itself
    taking           from a vault, which may be running
    restoring        into an empty home
    backup_folder    the folder that they are kept in
    archive          what is in the file
    encrypting       its encryption
    secret           the passphrase
"""
