"""What people would rather look at than read.

Its rooms:

    rpo_plot  a machine's RPO over time
    traffic   how much travels, and how fast
"""
