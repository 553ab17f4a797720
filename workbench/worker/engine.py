"""The engine: `python -P -m workbench.worker.engine ENGINE_FOLDER IDLE_MINUTES [BASE]`.

One process does run after run and keeps the base model between them. It ends, and frees the GPU,
after some idle time, or when it is asked to; what it then does is saved first. BASE is the one that
the first run is expected to ask for.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from storage import interpreter
from storage.errors import UserError
from storage.file_locks import exclusive
from workbench.rundir import engine_questions, engine_queue, processes
from workbench.rundir import folder as run_folder
from workbench.rundir.engine_queue import EngineState, QueueEntry
from workbench.worker.answering import answer_question
from workbench.worker.failure_reasons import reason_of
from workbench.worker.read_ahead import read_ahead
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run, without_hub

if TYPE_CHECKING:
    from workbench.modeling.base.cache import BaseModelCache

POLL_S = 0.05
"""Looking for work takes twenty millionths of a second, and who asks a question waits for it."""


class EngineServer:
    """Does the runs in the queue one after another, and keeps the base model between them."""

    def __init__(self, folder: Path, idle_minutes: float, lock: int) -> None:
        self.folder = folder
        self.lock = lock
        self.offline: bool | None = None
        self.leaving = False
        self.reporter: Reporter | None = None
        self.cache: BaseModelCache | None = None
        self.state = engine_queue.own_state(idle_minutes)
        self.written: EngineState | None = None
        self.unwritten_failures: dict[Path, str] = {}
        """Why runs have failed, as far as their disks had no room for it."""
        engine_questions.discard_questions()
        self._write()

    def prepare(self, base: str | None) -> None:
        """Import what takes long before a run is there; say if it fails.

        Without a base that is expected, only what is no matter of the run that will come.
        """
        from workbench.modeling.base.library_imports import import_libraries, import_torch

        try:
            if base is None:
                import_torch()
                return
            self._go_offline(without_hub(base), base)
            read_ahead(base)
            import_libraries()
            from workbench.modeling.base.compiling import import_compiler

            import_compiler()
        except Exception:  # a run says what is wrong with it, and a baseline needs none of it
            traceback.print_exc()

    def serve(self) -> None:
        """Do what waits, until asked to leave or idle for too long."""
        idle_since = time.monotonic()
        while True:
            self._write()
            if not self.leaving and self._work():
                idle_since = time.monotonic()
                continue
            idle = time.monotonic() - idle_since > self.state.idle_minutes * 60
            if (self.leaving or idle) and self._close():
                return
            time.sleep(POLL_S)

    def _work(self) -> bool:
        """Answer the first question or do the first run that waits; whether there was one.

        Questions come first, since somebody looks at a terminal until they are answered.
        """
        if questions := engine_questions.waiting_questions():
            self._answer(questions[0])
            return True
        if waiting := engine_queue.waiting_runs():
            self._do(waiting[0])
            return True
        return False

    def _answer(self, file: Path) -> None:
        """Answer a question; whoever asked sees that it is over, and loads the base if need be."""
        with suppress(OSError), engine_questions.taken(file) as question:
            offline = question is not None and without_hub(question.base)
            # beginning anew, to keep off the network or not to, takes as long as asking elsewhere
            if question is not None and self.offline in (None, offline):
                self._go_offline(offline, question.base)
                answer_question(file, question, self._base_cache())
        if self.cache is not None:
            self.cache.release_unused()  # others may use the GPU, too
            self._update(base=self._held)

    def _close(self) -> bool:
        """End unless a run came in at the last moment; those that wait may be resumed later."""
        with exclusive(self.folder / engine_queue.SUBMIT_LOCK):
            waiting = engine_queue.waiting_runs() or engine_questions.waiting_questions()
            if not self.leaving and waiting:
                return False
            (self.folder / engine_queue.STATE_FILE).unlink(missing_ok=True)
            os._exit(
                0
            )  # with the lock held, so that nobody hands a run to a process that is ending

    def _do(self, entry: QueueEntry) -> None:
        """Do one run; whatever becomes of it, the engine goes on."""
        run = entry.run
        self.unwritten_failures.pop(run, None)
        try:
            job = run_folder.read_job(run)
            run_folder.require_no_links(run)
            self._go_offline(without_hub(job.base), job.base)
            entry.file.unlink(missing_ok=True)
            with processes.folder_lock(run):
                if run_folder.read_state(run).state == run_folder.DONE:
                    return
                self._update(run=str(run), base=job.base)
                self.reporter = Reporter(run)
                if self.cache is None:
                    read_ahead(job.base)
                if not do_run(job, run, self.reporter, self._base_cache()):
                    self._base_cache().clear()  # a run that failed may have left it in pieces
        except (UserError, OSError) as error:
            if isinstance(error, OSError):
                self.unwritten_failures[run] = reason_of(error)
            with suppress(OSError):  # engine.log is on a disk, too
                print(f"{run}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        finally:
            with suppress(OSError):
                entry.file.unlink(missing_ok=True)
            self.reporter = None
            self._update(run=None)
            self._tidy()

    def _tidy(self) -> None:
        """Make the base ready for the next run, now that nobody waits for this one any more."""
        if self.cache is None:
            return
        try:
            self.cache.tidy()
        except Exception:  # the run is done; the next one loads the base anew
            traceback.print_exc()
            self.cache.clear()
        self._update(base=self._held)

    @property
    def _held(self) -> str | None:
        """The base that is held, by its name."""
        key = None if self.cache is None else self.cache.key
        return None if key is None else key.name

    def _base_cache(self) -> BaseModelCache:
        """The cache of the base model; torch is imported with the first run that asks for it."""
        from workbench.modeling.base.library_imports import import_libraries

        import_libraries()
        from workbench.modeling.base.cache import BaseModelCache

        self.cache = self.cache or BaseModelCache()
        return self.cache

    def _go_offline(self, offline: bool, base: str | None) -> None:
        """Keep the hub's library off the network or let it in, which it asks about only once."""
        if self.offline is None:
            os.environ["HF_HUB_OFFLINE"] = str(int(offline))
            self.offline = offline
        elif self.offline != offline:  # begin anew as the same process, with the run still waiting
            os.set_inheritable(self.lock, True)
            os.environ[processes.LOCK_FD] = str(self.lock)
            program = engine_queue.engine_program(self.folder, self.state.idle_minutes, base)
            variables = interpreter.environment()
            os.execve(program[0], program, variables)  # noqa: S606 - the same program again

    def _update(self, **changes: str | None) -> None:
        self.state = replace(self.state, since=time.time(), **changes)  # type: ignore[arg-type]
        self._write()

    def _write(self) -> None:
        """Write the state and the failures that are unwritten, as far as the disks have room."""
        with suppress(OSError):
            if self.written != self.state:
                engine_queue.write_engine_state(self.folder, self.state)
                self.written = self.state
            for run, reason in list(self.unwritten_failures.items()):
                _write_failure(run, reason)
                del self.unwritten_failures[run]

    def ask_to_leave(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: save and stop the run at hand, then end."""
        self.leaving = True
        if self.reporter is not None:
            self.reporter.signalled = True


def _write_failure(run: Path, reason: str) -> None:
    """Mark a run as failed, unless it has gone on with another worker meanwhile."""
    with suppress(UserError):  # it is damaged, or gone
        state = run_folder.read_state(run)
        mine = state.pid in (None, os.getpid()) and not processes.is_locked(run)
        if mine and state.state in run_folder.LIVE:
            run_folder.write_state(run, state, state=run_folder.FAILED, reason=reason)


def main() -> int:
    """Serve the queue in the folder of the command line; exit status 1 if another engine does."""
    folder, idle_minutes = Path(sys.argv[1]), float(sys.argv[2])
    os.umask(0o077)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    try:
        lock = processes.acquire_lock(folder)
    except UserError:
        print("Another engine is running.", file=sys.stderr)  # noqa: T201 - engine.log
        return 1
    server = EngineServer(folder, idle_minutes, lock)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.ask_to_leave)
    server.prepare(sys.argv[3] if len(sys.argv) > 3 else None)
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
