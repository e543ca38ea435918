"""From derivations to kernel text."""

from .cpu import render_module
from .targets import DTYPES, TARGETS, render_variant

__all__ = ["DTYPES", "TARGETS", "render_module", "render_variant"]
