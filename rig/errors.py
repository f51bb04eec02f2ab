"""What goes wrong with a rig itself, rather than with what is tried on it."""


class NoAnswer(Exception):
    """A process that was asked something said nothing within its deadline; the end of its log is in the
    text."""


class OrderFailed(Exception):
    """An appliance reported a problem; the text names the order and the problem."""
