"""The device's side of CUDA kernels: numba-cuda's simulator runs the sums over warps and blocks; what is missing is said."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lossgen.kernel.names import DEVICE
from lossgen.runtime import LossError, cuda, device

needs_numba_cuda = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed: pip install 'lossgen[cuda]'"
)


@needs_numba_cuda
def test_kernels_and_sums_over_blocks_in_numba_cudas_simulator():
    program = Path(__file__).with_name("numba_simulator.py")
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10 and all(float(line.split()[-1]) < 4 for line in lines), lines


def test_without_numba_cuda_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LossError, match=r"^mse_loss: CUDA .*not installed: pip install 'lossgen\[cuda\]'$"):
        cuda.check_installed("mse_loss")


def test_generated_modules_need_neither_numba_nor_a_gpu():
    code = (
        "import sys; sys.modules.update(numba=None, numba_cuda=None)\n"
        "import lossgen.generated.cuda.mse_loss_float32, lossgen.generated.cuda.cross_entropy_indices_float64"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_name_that_kernels_import_is_explained():
    for name in DEVICE:
        found = getattr(device, name)
        assert isinstance(found, int) or found.__doc__, name
