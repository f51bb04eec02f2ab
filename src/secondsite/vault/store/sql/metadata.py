"""All tables of the vault's records."""

from sqlalchemy import MetaData

metadata = MetaData()
