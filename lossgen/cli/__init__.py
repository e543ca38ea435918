"""The command line. Commands are imported when they are called, so that `lossgen --help` is immediate."""

from .group import main

__all__ = ["main"]
