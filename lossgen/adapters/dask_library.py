"""Dask's arrays, or one line that says how to install them."""

try:
    import dask.array
except ImportError as error:
    missing = (error.name or "dask").partition(".")[0]
    words = f"losses on Dask arrays need {missing}, which is not installed: pip install lossgen[dask]"
    raise ImportError(words, name=missing) from None

array = dask.array

__all__ = ["array"]
