"""Access tokens, approvals, the audit log, and evidence.

tokens     for whoever calls
people     who logs in with a name
providers  who is believed when they say who somebody is
sessions   who is logged in
approvals  what waits for a second person
audit      what was done by whom
evidence   what is kept of failovers and drills
"""
