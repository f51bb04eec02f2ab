"""Predictions: how long a run will take, from the times of former runs; and what protection takes.

Its rooms:

    timing      how long the parts of one run took, and its downtime
    budget      how long the last changes may take
    data_sync   whether data is better sent home while the machine runs, or while it is off
    nearing     how near a copy is to its end, while its machine writes
    predicting  how long the next run of a machine or of a plan will take
    filling     when a store will be full
    churn_series  what a machine wrote between its points
    capacity    what protecting machines takes: bandwidth, first copy, space
"""
