"""A GPU, for tests that need one: where there is none, the modules that import this are skipped."""

from importlib import import_module

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install lossgen[torch]")
pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'lossgen[cuda]'")
if not torch.cuda.is_available():
    pytest.skip("there is no CUDA device here", allow_module_level=True)

ours = import_module("lossgen.generated.torch")
cuda = import_module("lossgen.runtime.cuda")
