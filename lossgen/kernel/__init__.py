"""From derivations to kernel text."""

from .targets import DTYPES, TARGETS, render_module, render_variant

__all__ = ["DTYPES", "TARGETS", "render_module", "render_variant"]
