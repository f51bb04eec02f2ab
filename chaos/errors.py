"""What a kill run may find."""


class PromiseBroken(Exception):
    """What was seen is not what the product promises."""
