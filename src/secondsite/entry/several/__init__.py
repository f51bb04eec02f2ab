"""One of several vault processes on one database.

process   what it does beside a vault that is alone
"""
