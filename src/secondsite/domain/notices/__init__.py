"""What people and programs are told of, without asking. Pure.

Its rooms:

    targets     whom to tell, of what, and when not
    happenings  what there is to tell
    marks       what a target knows of findings, and what it is told when they change
"""
