"""secondsite export, diff, apply and schema: what is configured, as documents.

Its rooms:

    commands   the four commands
    shown      changes, for people and for scripts
"""
