"""Guests that are frozen or paused for an instant, and go on whatever happens to this process.

Its rooms:

    freezing   file systems frozen by the guest agent
    quiescing  several machines at once
    lifeline   a child process that thaws or resumes them
"""
