"""What appliances say of machines: what of it counts, what is remembered, what of it is written when.

Its rooms:

    change_filter  which changes of a status matter at once
    speakers       whose word counts of a machine
    counting       which statuses count
    clocks         how far an appliance's clock is from the vault's
    heard          what each side of every machine said last
    points         which points of a replica the store does not hold yet
    missed         what an appliance is asked to say again
    old_copies     old copies that an undone reprotect left
    numbers        the numbers of orders that appliances have seen
    disbelief      what of it cannot be, as a finding
    refusals       what the database does not take
    writing        what of it is written when
"""
