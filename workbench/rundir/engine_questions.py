"""Questions to the engine: texts that it scores at once, on the base that it holds.

A question is a file in a folder of the engine, and its answer a file of the same name in another.
The engine renames the question when it begins and removes it when it has ended, after the answer
is written: so neither side waits for one that is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.errors import UserError
from workbench.rundir import engine_queue, processes, schema
from workbench.rundir import folder as run_folder
from workbench.rundir.engine_queue import ANSWER_FOLDER, QUESTION_FOLDER

PATIENCE_S = 3.0
"""How long a question waits for an engine that does a run."""
IDLE_PATIENCE_S = 15.0
"""How long it waits for one that does none: it may be starting, or at another question."""
POLL_S = 0.01
FETCHED_S = 60.0
"""Whoever waits for an answer has it long before."""
MOST_BYTES = 64 * 2**20
"""A larger question or answer is not read."""
TAKEN = ".taken"
ADVICE = "ask again"


@dataclass(frozen=True)
class Question:
    """Texts to be scored with the adapter of a run."""

    adapter: str
    """The absolute path of its folder."""
    base: str
    """Where its base is, or the name of that on the hub."""
    texts: tuple[str, ...]
    trust_remote_code: bool = False


class EngineBusyError(Exception):
    """The engine did not come to a question in time; its text is for users."""


def ask(question: Question) -> list[list[float]] | None:
    """The probability of each label for each text, in the order of the labels of the adapter.

    None if there is no engine that can answer, or if it ends before it has. Raises EngineBusyError
    if it does not begin in time, and UserError if it cannot use the adapter or the base.
    """
    if not engine_queue.engine_usable():
        return None
    try:
        file = engine_queue.hand_in(QUESTION_FOLDER, asdict(question))
    except (UserError, OSError):
        return None  # it has just ended, or the disk is full
    answer = file.parent.with_name(ANSWER_FOLDER) / file.name
    try:
        return _read_answer(answer) if _answered(file, answer) else None
    finally:
        for left in (file, answer):
            left.unlink(missing_ok=True)


def _answered(file: Path, answer: Path) -> bool:
    """Wait until the engine is done with a question; whether there is an answer."""
    engine = engine_queue.running_engine()
    idle = engine is None or engine.run is None
    end = time.monotonic() + (IDLE_PATIENCE_S if idle else PATIENCE_S)
    while True:
        alive = processes.is_locked(file.parent.parent)  # asked first, as it may end in between
        begun = not file.exists()
        if begun and not _taken(file).exists():
            return answer.exists()
        if not alive:
            return False
        if not begun and time.monotonic() > end and _withdrawn(file):
            raise EngineBusyError(_busy_sentence())
        time.sleep(POLL_S)


def _withdrawn(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False  # it has just begun
    return True


def _busy_sentence() -> str:
    engine = engine_queue.running_engine()
    run = None if engine is None else engine.run
    return "The engine does not answer" if run is None else f"The engine is busy with {run}"


def _read_answer(path: Path) -> list[list[float]] | None:
    try:
        values = schema.read_object(path, ADVICE, MOST_BYTES)
    except UserError:
        return None
    if isinstance(problem := values.get("problem"), str):
        raise UserError(problem)
    rows: list[list[float]] = values["probabilities"]
    return rows


def waiting_questions() -> list[Path]:
    """The files of the questions that wait, the first one first."""
    return engine_queue.handed_in(QUESTION_FOLDER)


def discard_questions() -> None:
    """Remove what is left of questions to an engine that has ended."""
    folder = engine_queue.make_private_folder()
    for name in (QUESTION_FOLDER, ANSWER_FOLDER):
        for path in (folder / name).iterdir():
            path.unlink(missing_ok=True)


@contextmanager
def taken(file: Path) -> Iterator[Question | None]:
    """Be at work on a question while the block runs; None if it was withdrawn or is none."""
    try:
        file.rename(_taken(file))
    except FileNotFoundError:
        yield None
        return
    try:
        yield _read_question(_taken(file))
    finally:
        with suppress(OSError):
            _taken(file).unlink()


def _read_question(path: Path) -> Question | None:
    try:
        return schema.build_checked(Question, schema.read_object(path, ADVICE, MOST_BYTES))
    except (UserError, ValueError):
        return None  # it is too large, or from another version


def write_probabilities(file: Path, rows: Sequence[Sequence[float]]) -> None:
    """Answer the question of a file with the probability of each label for each text."""
    _write_answer(file, {"probabilities": rows})


def write_problem(file: Path, sentence: str) -> None:
    """Answer the question of a file with why its texts cannot be scored, for users."""
    _write_answer(file, {"problem": sentence})


def _write_answer(file: Path, values: dict[str, Any]) -> None:
    """Write an answer, and remove those that nobody has fetched, as after ctrl+c."""
    folder = file.parent.with_name(ANSWER_FOLDER)
    for answer in folder.iterdir():
        if time.time() - answer.stat().st_mtime > FETCHED_S:
            answer.unlink(missing_ok=True)
    run_folder.write_json(folder / file.name, values)


def _taken(file: Path) -> Path:
    return file.with_name(file.name + TAKEN)
