"""Many things at a glance: short, for pages that show thousands of them and follow them live.

Its rooms:

    arrays        how rows are described
    machine_rows  machines as arrays, in one piece
    job_rows      jobs as arrays
    live          the stream of what changes, one batch a second
    overview      what needs somebody now, how fresh and how ready everything is
"""
