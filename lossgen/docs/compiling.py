"""A handbook's PDF, by latexmk and pdfTeX."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lossgen.build.errors import BuildError

from .places import Places

#: What Debian and its kin call what is needed.
PACKAGES = "latexmk texlive-latex-base texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended lmodern"
INSTALL = f"install it, on Debian and Ubuntu by: apt-get install {PACKAGES}"


def check_programs() -> None:
    """Raises BuildError, one line, where latexmk or pdflatex is missing."""
    for program in ("latexmk", "pdflatex"):
        if shutil.which(program) is None:
            raise BuildError(f"--pdf needs {program}, which is not installed: {INSTALL}")


def compile_pdf(places: Places) -> Path:
    """Compiles handbook.tex and returns the PDF. The same sources give the same bytes.

    Raises BuildError, one line, where one of LaTeX's packages is missing, and where LaTeX stops.
    """
    # pdfTeX writes no dates with these, not even where a package asks for one.
    environment = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    command = [
        "latexmk",
        "-norc",
        "-pdf",
        "-interaction=nonstopmode",
        "-halt-on-error",
        "-file-line-error",
        "handbook.tex",
    ]
    done = subprocess.run(command, cwd=places.latex, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise BuildError(_reason(places.latex / "handbook.log", done.stdout + done.stderr))
    return Path(shutil.copyfile(places.latex / "handbook.pdf", places.root / "handbook.pdf"))


def _reason(log: Path, said: str) -> str:
    """What LaTeX stopped at, in one line."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else said
    missing = re.search(r"File `([^']+)' not found", text) or re.search(r"I can't find file `([^']+)'", text)
    if missing and not missing.group(1).endswith(".tex"):
        return f"LaTeX lacks {missing.group(1)}: {INSTALL}"
    stopped = re.search(r"^(?:\S+:\d+:|!) .*$", text, re.MULTILINE)
    return f"LaTeX stopped: {stopped.group() if stopped else said.strip().splitlines()[-1]} (see {log})"
