"""People log in, and stay so for a while.

Its rooms:

    logins         log-ins, which begin sessions
    proofs         what shows who somebody is
    people         people who log in with a name
    own            a person's own password
    second_factor  codes of an app
    security_keys  security keys
    renewal        a session in place of all others, after such a change
    command_lines  command lines that wait for somebody's approval
    providers      providers of OpenID Connect
    by_provider    log-ins by way of one
    sessions       the sessions: recognized, shown, ended
"""
