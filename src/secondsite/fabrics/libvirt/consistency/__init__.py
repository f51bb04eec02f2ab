"""Freezes or pauses guests for an instant, such that they go on whatever happens to this process.

Its rooms:

    freezing      file systems frozen by the guest agent
    common_pause  several machines at once
    lifeline      a child process that thaws or resumes them
"""
