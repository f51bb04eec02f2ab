"""Many things at a glance: short rows, and what changes of them.

Its rooms:

    board         what one who looks sees, and when each thing of it changed last
    boards        the boards of a vault
    looking       brings a board up to date
    untouched     which machines a look at everything passes by
    job_rows      jobs as rows
    machine_rows  lists of machines as rows
    overview      what needs somebody now, how fresh and how ready everything is
    live          batches for those who follow a board
"""
