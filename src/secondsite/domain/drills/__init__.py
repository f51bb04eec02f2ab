"""Test failovers: what they showed.

verdicts  passed or failed, and who says so
"""
