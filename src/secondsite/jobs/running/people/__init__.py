"""Jobs under way that depend on a person.

holding    none goes on until a person decides about it
answering  what a person says to a step that asks
"""
