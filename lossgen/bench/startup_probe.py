"""Times the start of one column: `python -m lossgen.bench.startup_probe COLUMN` prints a JSON object.

The clock starts before NumPy, Numba or torch is imported: hence only the standard library above.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from time import perf_counter

LOSS = "binary_cross_entropy_with_logits"
ELEMENTS = 10**3


def main(column: str) -> None:
    """Print the seconds until the column's packages are imported, and until the first result is there."""
    began = perf_counter()
    contenders = import_module("lossgen.bench.contenders")
    case = import_module("lossgen.bench.cases").select([LOSS], [(ELEMENTS,)], False)[0]
    function = contenders.make_contender(column, case, case.family.arguments(case.size))
    imported = perf_counter()
    function()
    print(json.dumps({"imports": imported - began, "result": perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1])
