"""Orders about recovery points.

Its rooms:

    recovery_points  process what was sent, list points, hold, release and read them
    instants         instants between points
    restored_copy    a machine of its own from a point, beside the protected one
    guest_files      files out of a point, listed and fetched
    sent_files       the same, sent to a person
    copy_checks      what would be in the way of that
    mounts           what is mounted where
"""
