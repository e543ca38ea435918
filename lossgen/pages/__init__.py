"""What a page of the handbook says of a loss, and its LaTeX: derived from the same `Loss` and `Derivation` as the kernels.

`blocks` is the content without a format; each format (LaTeX, HTML, a terminal) is one writer over it.
"""
