"""What became of every CUDA kernel as it stands: a record, `compiled.json`, which `python tests/cuda/compile_record.py` brings
up to date. It compiles the modules whose text, or the text of what compiles them, is not the one on record; all of them
take an hour of two cores.
"""

import hashlib
import json
import multiprocessing
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from compiles import LATTICES, MODULES, Compiled, cases, compiled
from imports import imports

from lossgen.build.schema import module_name
from lossgen.runtime.cuda.binaries import versions

RECORD = Path(__file__).with_name("compiled.json")
ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lossgen"


def key(case):
    """A kernel of a module, for one schedule and one generation of devices."""
    *_, kernel, schedule, (major, minor) = case
    return f"{kernel}-{schedule}-sm_{major}{minor}"


def name_of(module):
    """The generated module of a loss's variant for a dtype."""
    loss, variant, dtype = module
    return f"{module_name(loss, variant)}_{dtype}"


def sources():
    """What is compiled with every kernel, or decides how: the files that `lossgen.runtime.cuda.compile` is made of."""
    folder = PACKAGE / "runtime" / "cuda"
    found, waiting = {folder.parent / "device.py"}, {folder / "compile.py"}
    while waiting:
        found |= waiting
        named = {ROOT / f"{name.replace('.', '/')}.py" for path in waiting for name in imports(path, PACKAGE)}
        waiting = {path for path in named - found if path.parent == folder and path.is_file()}
    return sorted(found)


def digest(name, files):
    """The texts that decide what becomes of a module's kernels, as one number."""
    texts = [path.read_bytes() for path in (ROOT / "generated" / "cuda" / f"{name}.py", *files)]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def read():
    """The record: the compilers, and by module its digest and what became of each kernel."""
    found = json.loads(RECORD.read_text()) if RECORD.exists() else {"compilers": versions(), "modules": {}}
    for module in found["modules"].values():
        module["kernels"] = {name: Compiled(*numbers) for name, numbers in module["kernels"].items()}
    return found


def write(record):
    """Write the record, one line for each module."""
    lines = ",\n".join(
        f"  {json.dumps(n)}: {json.dumps(m, sort_keys=True)}" for n, m in sorted(record["modules"].items())
    )
    text = f'{{\n "compilers": {json.dumps(record["compilers"])},\n "modules": {{\n{lines}\n }}\n}}\n'
    new = RECORD.with_suffix(".new")
    new.write_text(text)
    os.replace(new, RECORD)


def missing(record, files):
    """The positions of the modules that are not on record as they stand."""
    known = {name: module["digest"] for name, module in record["modules"].items()}
    modules = enumerate([*MODULES, *LATTICES])
    return [n for n, module in modules if known.get(name_of(module)) != digest(name_of(module), files)]


def compile_module(position):
    """The position again, and what becomes of the module's kernels."""
    found = {key(case): compiled(case) for case in cases([[*MODULES, *LATTICES][position]])}
    return position, found


def main():
    """Bring the record up to date."""
    record, files, modules = read(), sources(), [*MODULES, *LATTICES]
    if record["compilers"] != versions():
        record = {"compilers": versions(), "modules": {}}
    known = {name_of(module) for module in modules}
    record["modules"] = {name: module for name, module in record["modules"].items() if name in known}
    positions = missing(record, files)
    with multiprocessing.get_context("spawn").Pool() as pool:
        for done, (position, found) in enumerate(pool.imap_unordered(compile_module, positions), 1):
            name = name_of(modules[position])
            record["modules"][name] = {"digest": digest(name, files), "kernels": found}
            write(record)
            print(f"{done} of {len(positions)}: {name}, {len(found)} kernels", flush=True)
    write(record)


if __name__ == "__main__":
    sys.exit(main())
