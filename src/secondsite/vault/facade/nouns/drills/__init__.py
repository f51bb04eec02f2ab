"""Test failovers that the vault starts.

schedules  made, changed, shown, deleted, and run now
"""
