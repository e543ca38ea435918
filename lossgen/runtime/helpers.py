"""The threads that help with jobs. They watch for the next one for a while before they sleep."""

from __future__ import annotations

import importlib
import os
import threading
from queue import SimpleQueue
from types import ModuleType

import numpy as np

from .lanes import Job

#: How long a helper looks for the next job, and a caller for the end of one, before it sleeps; in nanoseconds.
PATIENCE = 300_000
#: How long a helper waits once it is asked: until its own kernel runs, the caller holds the GIL, and a thread that finds it
#: held goes to sleep.
LATER = 6_000


class Pool:
    """Daemon threads that wait for jobs. Only idle threads hold nothing: a finished job is let go at once."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._asked = np.zeros(1, np.int64)
        self._nobody = np.zeros(1, np.int64)
        self._place = np.full(1, -1, np.int64)
        self._lock = threading.Lock()
        self._size = 0
        self._spinning: ModuleType | None = None

    def help(self, job: Job, helpers: int) -> None:
        """Put a job out for this many helpers, starting threads that do not exist yet."""
        if self._size < helpers:
            self._grow(helpers)
        for _ in range(min(helpers, self._size)):
            self._jobs.put(job)
        if self._spinning is not None:
            self._spinning.note(self._place)

    def ask(self) -> None:
        """Call the helpers that watch: the caller is about to run its own lanes, and to let go of the GIL."""
        self._asked[0] += 1

    def finish(self, job: Job) -> None:
        """Wait until every lane of a job is done."""
        spinning = self._spinning
        if spinning is None or not spinning.changes(job.told, 0, PATIENCE, 0, self._nobody, *spinning.STILL):
            job.wait()

    def _grow(self, size: int) -> None:
        with self._lock:
            self._spinning = self._spinning or _spinning()
            while self._size < size:
                thread = threading.Thread(target=self._serve, name=f"lossgen-{self._size + 1}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # at interpreter exit, or out of threads: the caller works alone
                    return
                self._size += 1

    def _serve(self) -> None:
        asked, told, spinning = 0, self._nobody, self._spinning
        own = spinning and spinning.no_limits()
        while True:
            if spinning is not None:
                spinning.changes(self._asked, asked, PATIENCE, LATER, told, self._place, own)
            asked, told = int(self._asked[0]), self._nobody
            job = self._jobs.get()
            if spinning is not None:
                spinning.leave(self._place, own)
            if job.work():
                told = job.told
            del job  # it refers to the caller's arrays


def _spinning() -> ModuleType | None:
    """The compiled loops; None where threads sleep: the system has no `sched_yield`, or Numba is switched off."""
    if os.name != "posix":
        return None
    found = importlib.import_module(f"{__package__}.spinning")
    return found if hasattr(found.changes, "compile") else None
