"""The gateway to the appliances: the vault's certificate authority and the port that appliances dial.

Its rooms:

    certificate_authority  the CA, the vault's own certificate, certificates for appliances
    ca_key                 who may read the CA's key
    ca_rotation            replaces the CA by another one
    server_tls             renews the vault's own certificate while its ports are open
    control_tls            which clients the control port accepts
    greeting               an appliance's first message, compared with its certificate
    outstanding_orders     orders that were asked for and their reports; only bookkeeping
    link                   one appliance's connection
    message_parser         parses messages of appliances
    incoming               carries what appliances report from the network's thread to the database
    signal_delivery        delivers signals to those who wait
    order_delivery         delivers orders, over a connection of this process or another's
    other_processes        passes on orders for appliances of other vault processes
    ways                   connections of appliances that are ways into drills
    connection_reconciler  finds connections that differ from their records
    control_port           the websocket server, and interfaces.Gateway on top of it
"""

from .certificate_authority import VaultAuthority, create_authority, load_authority
from .control_port import ControlPort
from .other_processes import OtherProcesses

__all__ = ["ControlPort", "OtherProcesses", "VaultAuthority", "create_authority", "load_authority"]
