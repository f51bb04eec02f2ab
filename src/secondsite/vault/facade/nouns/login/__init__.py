"""People log in, and stay so for a while.

Its rooms:

    logins    log-ins, which begin sessions
    proofs    what shows who somebody is
    sessions  the sessions: recognized, shown, ended
"""
