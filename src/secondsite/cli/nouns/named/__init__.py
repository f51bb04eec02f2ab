"""What a machine has by name.

Its rooms:

    check   secondsite check ...
    hook    secondsite hook ...
    things  one is made, put into the list, and taken out of it
"""
