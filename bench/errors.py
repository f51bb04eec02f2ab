"""What keeps a figure from being measured."""


class NotMeasured(Exception):
    """Something that a figure needs did not come."""
