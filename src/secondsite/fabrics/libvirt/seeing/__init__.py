"""What can be seen of a machine from outside: its guest agent, its console, its screen.

Its rooms:

    seeing        the interface of this room
    console_file  what a machine wrote to its serial port since it was made here
    screen        a picture of what it shows
"""
