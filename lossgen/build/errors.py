"""The error of a build."""


class BuildError(Exception):
    """A build could not be done; the message is one line that says what is wrong, where, and what helps."""
