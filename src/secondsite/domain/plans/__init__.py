"""Recovery plans: which machines are recovered together, in which order, and what people do in between.

Its rooms:

    directions     the directions and the kinds of failover
    actions        what is done before and after a group
    plan           groups in their order, and which plans are possible
    run_selection  which machines a run takes, and in which direction
    host_memory    whether hosts have the memory for all machines of a run together
    held_checks    for how long the checks of a failed-over plan have held
    one_way        machines named together that would go in different directions
"""
