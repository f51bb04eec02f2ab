"""Commands for named lists of a machine.

Its rooms:

    check   secondsite check ...
    hook    secondsite hook ...
    things  puts a thing into a list, and takes it out
"""
