"""The routes of those who log in.

Its rooms:

    sessions       log in, log out, and who is logged in
    command_lines  somebody who is logged in lets a command line in
    people         people who log in with a name
    providers      providers of OpenID Connect, and log-ins by way of one
"""

from . import command_lines, people, providers, sessions

__all__ = ["command_lines", "people", "providers", "sessions"]
