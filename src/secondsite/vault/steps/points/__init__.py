"""Recovery points in jobs.

Its rooms:

    choose_recovery_point  from the operator's choice to one instant
    verify_point           reading a point again, as a job
    boot_point             booting a point to see whether it boots, as a job
    restore_copy           a machine of its own from a point, as a job
    fetch_files            files out of a point, as a job
    ordered_ids            ids of what these two order
"""
