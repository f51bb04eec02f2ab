"""The weekly report.

Its rooms:

    reports   the noun, and the turns of targets that are told it
    machines  machines and plans against their goals, and open findings
    coverage  how many machines of each site are protected
    drills    drills that were, and drills that should have been
    mail      the report as a text of words and numbers
"""
