"""The version of TLS that all our connections speak, whatever the configuration of a host's OpenSSL says."""

import ssl


def only_1_3(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context. OPENSSL_CONF and /etc/ssl/openssl.cnf may allow less only: a vault was deaf then, and said nothing."""
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def client_trusting(ca_pem: str) -> ssl.SSLContext:
    """For the client's side, which checks the name too. Unlike Python's default context it writes no keys to SSLKEYLOGFILE.
    Raises ssl.SSLError, ValueError."""
    context = only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.load_verify_locations(cadata=ca_pem)
    return context
