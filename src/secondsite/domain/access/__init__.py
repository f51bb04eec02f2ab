"""Who may do what, and how what was done is kept on record.

Its rooms:

    roles      roles, permissions, scopes, and the decision
    chain      entries of the audit log, of which each covers the one before
    evidence   what is kept of failovers and drills, and whether a file still says it
    hidden     secrets are on no record
    approvals  which verbs wait for a second person, and who is one
"""
