"""Statuses of machines, as appliances report them: which count, which are remembered, what is written when.

Its rooms:

    change_filter      which changes of a status matter at once
    acceptance         which statuses count
    clock_skew         how far an appliance's clock is from the vault's
    latest_status      the last status of each side of every machine
    kept               what the store knows of machines of which a side says nothing here
    recent             things in the order in which they changed
    new_points         which points of a replica the store does not have yet
    status_requests    what an appliance is asked to send again
    old_copies         old copies that an undone reprotect left
    store_history      how the free space of stores changed
    hardware           the records follow what sources say that their machines have
    order_numbers      the numbers of orders that appliances have seen
    writer             what of it is written when
"""
