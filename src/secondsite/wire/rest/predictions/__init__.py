"""How long runs will take, and took.

shapes  of one machine, of a plan, of a run that has ended
"""
