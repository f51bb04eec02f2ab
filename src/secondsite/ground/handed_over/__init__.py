"""Folders that others may have written into.

Its rooms:

    real_files  what is no file is not read
"""
