"""Recovery points that are verified by booting them, beside drills.

budget  what a site gives for it, and whether there is room now
turns   whose turn it is
"""
