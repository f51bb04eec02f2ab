"""What lies in the store for whoever has nothing but it.

Its rooms:

    rescue_file  the program that starts machines from the store alone
    grades       what is known of points, beside them
    described    how a machine is started was written just so
"""
