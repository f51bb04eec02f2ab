"""secondsite keeps machines of one site ready to run at another."""

__version__ = "0.2.0"
