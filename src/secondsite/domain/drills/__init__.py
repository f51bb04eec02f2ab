"""Test failovers: what they showed, and when they are due.

networks   what is asked for of its network, and what does not go together
schedules  which machines are drilled how often
verdicts   passed or failed, and who says so
"""
