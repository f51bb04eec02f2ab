"""Scripts of recovery plans, from the folder that this site's administrator chose.

Its rooms:

    folder   which file a name means, and whether it may be run
    process  a script as a process with a deadline
    ordered  the orders: each script is run once
"""
