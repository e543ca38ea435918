"""From a formula to its derivatives in a stable form."""

from .derivation import Curvature, Derivation, Result
from .rewrite import Rewriter, Trace

__all__ = ["Curvature", "Derivation", "Result", "Rewriter", "Trace"]
