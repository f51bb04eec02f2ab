"""The data channel: frames and JSON messages on one mutual TLS 1.3 stream between two appliances.

Its rooms:

    connection    one open stream: send, receive
    handshake     opens a stream: dial, TLS, HELLO
    listener      the listening end: a thread per connection, a cap on their number
    tls           TLS contexts, and dead connections
    token_bucket  a bandwidth limit that several streams share
    messages      JSON messages in frames
"""

from . import messages
from .connection import Connection
from .handshake import dial
from .listener import Listener
from .messages import Message, ReceivedFrame
from .tls import Pressure, TlsFiles, client_context, is_distrust
from .token_bucket import TokenBucket

__all__ = [
    "Connection",
    "Listener",
    "Message",
    "Pressure",
    "ReceivedFrame",
    "TlsFiles",
    "TokenBucket",
    "client_context",
    "dial",
    "is_distrust",
    "messages",
]
