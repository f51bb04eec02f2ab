"""Who may do what, and how what was done is kept on record.

Its rooms:

    roles   roles, permissions, scopes, and the decision
"""
