"""Change tracking with real persistent dirty bitmaps.

Its rooms:

    tracking      the interface of this room
    running_view  a machine that runs
    resting_view  a machine that is off
    unwritten     whether anything was written since a checkpoint
"""
