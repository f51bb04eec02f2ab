"""Access control: who may do what, and the records of what was done.

Its rooms:

    roles      roles, permissions, scopes, and the decision
    chain      the audit log as a chain: the digest of each entry covers the entry before
    evidence   the evidence of failovers and drills, and the check that a file of it is unchanged
    hidden     removes secrets from what is recorded
    passwords  which passwords are taken
    providers  whom a provider of OpenID Connect may say that somebody is
    security_keys  where security keys can be used
    sessions   how long whoever logged in stays so
    approvals  which verbs need a second person's approval, and who counts as a second person
"""
