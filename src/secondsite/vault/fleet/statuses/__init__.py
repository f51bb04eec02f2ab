"""What appliances say of machines: what of it counts, what is remembered, what of it is written when.

Its rooms:

    change_filter      which changes of a status matter at once
    acceptance         which statuses count
    clock_skew         how far an appliance's clock is from the vault's
    latest_status      what each side of every machine said last
    new_points         which points of a replica the store does not hold yet
    status_requests    what an appliance is asked to say again
    old_copies         old copies that an undone reprotect left
    order_numbers      the numbers of orders that appliances have seen
    database_refusals  what the database does not take
    writer             what of it is written when
"""
