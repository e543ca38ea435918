"""The one error of the formula language."""


class SpecError(Exception):
    """A formula cannot be read or derived: one line that names the loss, the part at fault and the remedy."""
