"""Test failovers: what they showed, and when they are due.

schedules  which machines are drilled how often
verdicts   passed or failed, and who says so
"""
