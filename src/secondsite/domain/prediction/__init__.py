"""How long a run will take, from what former runs took.

timing      what one run took, in parts, and the downtime in it
budget      how long the last changes may take
data_sync   whether the data best gets home while the machine runs
predicting  what the next run of a machine or of a plan will take
"""
