"""What can go wrong while a guest is built or watched."""


class GuestKitError(Exception):
    """Base of this package's errors; the text says what happened and what to do."""


class BuildFailed(GuestKitError):
    """The guest could not be built: a package, a program or a kernel module is not to be had."""


class NotSaid(GuestKitError):
    """The guest did not say in time what was waited for."""
