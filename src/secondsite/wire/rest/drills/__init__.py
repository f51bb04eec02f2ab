"""Test failovers that the vault starts.

schedules  which machines, how often, and how it goes
"""
