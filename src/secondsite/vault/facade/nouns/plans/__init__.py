"""Recovery plans: which machines are recovered together, and in which order.

objects  plans as they are made, changed, shown and deleted
runs     a verb for all machines of a plan, and what it would do
predicting  how long that would take
"""
