"""Formulas in LaTeX as text for a terminal: read (`tex`), laid out in two dimensions (`layout`), broken into lines."""

from .inline import set_inline
from .layout import set_display

__all__ = ["set_display", "set_inline"]
