"""The way to the appliances: the vault's certificate authority and the port that appliances dial.

Its rooms:

    certificate_authority  the CA, the vault's own certificate, certificates for appliances
    ca_key                 who may read the CA's key
    rotation               the CA is replaced by another one
    server_tls             the vault's own certificate renews itself while its ports are open
    control_tls            who may speak at the control port
    greeting               an appliance's first words, and its certificate
    outstanding_orders     orders that were asked for and their reports; pure bookkeeping
    link                   one appliance's connection
    message_parser         what the text of a message says
    incoming               what appliances say leaves the network's thread, in order
    signal_delivery        signals on their way to those who wait
    order_delivery         orders on their way, over a connection of our own or another process's
    other_processes        orders for appliances of other vault processes are passed on
    connection_reconciler  connections that differ from what is recorded of them
    control_port           the websocket server, and interfaces.Gateway on top of it
"""

from .certificate_authority import VaultAuthority, create_authority, load_authority
from .control_port import ControlPort
from .other_processes import OtherProcesses

__all__ = ["ControlPort", "OtherProcesses", "VaultAuthority", "create_authority", "load_authority"]
