"""PyTorch and ml_dtypes, or one line that says how to install them."""

try:
    import ml_dtypes
    import torch
except ModuleNotFoundError as error:
    words = f"losses on PyTorch tensors need {error.name}, which is not installed: pip install lossgen[torch]"
    raise ImportError(words, name=error.name) from None

__all__ = ["ml_dtypes", "torch"]
