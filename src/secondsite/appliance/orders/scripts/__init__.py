"""Scripts of recovery plans and hooks of machines, from the folder that this site's administrator chose.

Its rooms:

    script_folder  finds the file of a name, and checks that it may be run
    process        a script as a process with a deadline
    guest_script   a script inside a machine
    supervisor     the process above it, which ends with the appliance and leaves nothing behind
    handlers       the orders: each script is run once
"""
