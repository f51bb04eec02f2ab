"""People in the machines of open drills.

Its rooms:

    passes  who may come in, and until when
    ways    ways in, which are opened for one person each
    visits  what is kept of each, with the drill and in the audit log
"""
