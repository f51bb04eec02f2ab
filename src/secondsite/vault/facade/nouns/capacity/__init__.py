"""What it takes to protect machines.

Its rooms:

    planning  the noun
    subjects  what is known of each machine
    words     what was assumed, and what would not be enough, in sentences
"""
