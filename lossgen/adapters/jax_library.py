"""JAX, or one line that says how to install it."""

try:
    import jax
except ModuleNotFoundError as error:
    words = f"losses on JAX arrays need {error.name}, which is not installed: pip install lossgen[jax]"
    raise ImportError(words, name=error.name) from None

__all__ = ["jax"]
