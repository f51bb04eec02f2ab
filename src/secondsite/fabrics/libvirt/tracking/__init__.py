"""Change tracking: checkpoints, and frozen views of machines that run or are off.

Its rooms:

    tracking        the interface of this room
    backup_job      the view of a machine that runs
    job_lifeline    a process that ends the job if its owner dies
    waiting_calls   whether another program waits for a machine
    iothreads       machines that a view could crash
    powered_off     the view of a machine that is off
    bitmaps         our dirty bitmaps and checkpoints
    image_identity  which file a bitmap belongs to
    left_files      recorded states of the files of a machine that is off
    unwritten       whether anything was written since a checkpoint
    trackable       obstacles to tracking a machine
"""
