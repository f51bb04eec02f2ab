"""Notices: what people and programs are told about without asking. Pure.

Its rooms:

    targets     who is told, of what, and when not
    happenings  what a notice can be about
    weekly      when the weekly report is due
    marks       what a target was told of findings, and what it is told when they change
"""
