"""Who may do what, what was done, and what is kept of it.

tokens     for whoever calls
approvals  what waits for a second person
audit      what was done by whom
evidence   what is kept of failovers and drills
"""
