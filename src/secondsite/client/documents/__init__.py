"""What is configured, as documents in YAML: read, compared with what a vault has, and applied.

Its rooms:

    kinds          what a document of each kind may say
    reading        YAML as plain values, each with its line; whatever a document does not need is refused
    loading        files as documents, with everything that is wrong with them
    writing        documents as YAML
    comparing      what has to change for a vault to have what documents say
    references     what documents refer to: sites, networks, unprotected machines
    checking       why the changes cannot be made
    applying       the changes, in an order that works
    preparing      everything before the changes themselves
    schema         the JSON schema for editors
    configuration  what a vault has, as documents
"""

from .applying import DocumentApplier
from .comparing import Action, Change
from .kinds import KINDS
from .loading import MOST_BYTES, LoadedDocument, load
from .preparing import DocumentPreparation, export, prepare
from .schema import schema

__all__ = [
    "KINDS",
    "MOST_BYTES",
    "Action",
    "Change",
    "DocumentApplier",
    "DocumentPreparation",
    "LoadedDocument",
    "export",
    "load",
    "prepare",
    "schema",
]
