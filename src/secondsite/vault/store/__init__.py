"""The vault's records in SQL: one repository per noun, and the migrations that make the tables.

Its rooms:

    columns                types that keep shapes, words and instants the same on SQLite and PostgreSQL
    tables                 the rows
    several                those of several vault processes
    plans                  those of recovery plans
    drills                 those of test failovers that the vault starts
    pools                  those of pools of addresses
    notices                those of what is told to people and programs
    settings               what is set for single machines
    evidence               what is kept of failovers and drills
    pictures               those of pictures of screens
    validation             what the check of the whole configuration found
    failures               what a database's refusal means for the caller
    rows                   a record becomes a row and comes back
    decoded_machines       what was read of machines last
    places, machines, policies, groups, said, access, answers, audit, approvals  the repositories
    page_versions          which machines a page has
    lived                  how far the vault's lived time is
    lineage                the mark by which a restored database is told
    store                  transactions
    copying                a database as files, and back
    migration, migrations  bring a database to this program's tables
"""

from .migration import migrate
from .several import CHANNEL, heard
from .store import SqlStore, SqlTransaction

__all__ = ["CHANNEL", "SqlStore", "SqlTransaction", "heard", "migrate"]
