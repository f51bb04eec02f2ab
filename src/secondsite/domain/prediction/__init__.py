"""How long a run will take, from what former runs took.

timing      what one run took, in parts, and the downtime in it
predicting  what the next run of a machine or of a plan will take
"""
