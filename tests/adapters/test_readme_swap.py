"""The README's training script, with PyTorch's loss and, by a change of one import, with this package's."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch

pytest.importorskip("sklearn")

README = Path(__file__).parents[2] / "README.md"
THEIRS, OURS = "from torch.nn import CrossEntropyLoss\n", "from lossgen.generated.torch import CrossEntropyLoss\n"


def script() -> str:
    section = README.read_text(encoding="utf-8").split("## Swap one import\n")[1].split("\n## ")[0]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]


def printed(code: str) -> list[float]:
    """The numbers that the script prints."""
    text = io.StringIO()
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)  # matrices this small only lose by more
    try:
        with contextlib.redirect_stdout(text):
            exec(code, {"__name__": "__main__"})
    finally:
        torch.set_rng_state(state)
        torch.set_num_threads(threads)
    return [float(number) for number in re.findall(r"\d+\.\d+", text.getvalue())]


def test_the_script_says_the_same_with_either_import():
    code = script()
    assert code.count(THEIRS) == 1
    theirs, ours = printed(code), printed(code.replace(THEIRS, OURS))
    assert len(theirs) == len(ours) == 2
    assert ours == pytest.approx(theirs, abs=2e-3)
    assert ours[1] > 0.95
