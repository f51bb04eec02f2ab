"""Access to the vault, and what was done by whom.

Its rooms:

    tokens     access tokens of people and programs
    people     people who log in with a name
    providers  providers of OpenID Connect
    sessions   sessions of whoever logged in
    audit      the audit log
    drill_passes  who may come into the machine of a drill
    evidence   what is kept of failovers and drills
    reports    the weekly report
    approvals  what waits for a second person
"""
