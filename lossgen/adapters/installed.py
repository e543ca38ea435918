"""One line that says what to install, where an optional library is not there."""

from importlib.util import find_spec


def require_any(words: str, *libraries: str) -> None:
    """Raise ImportError with these words if none of the libraries is installed. None is imported."""
    if not any(map(find_spec, libraries)):
        raise ImportError(words)
