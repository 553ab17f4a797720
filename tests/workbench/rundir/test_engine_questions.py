"""Questions to the engine: answered, or over at once, whatever becomes of the engine."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.errors import UserError
from workbench.rundir import engine_questions, engine_queue, processes
from workbench.rundir import folder as run_folder
from workbench.rundir.engine_questions import EngineBusyError, Question
from workbench.rundir.engine_queue import ANSWER_FOLDER, QUESTION_FOLDER
from workbench.worker import answering
from workbench.worker.engine import EngineServer

ROWS = [[0.1, 0.9], [1 / 3, 2 / 3]]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ENGINE_DIR", str(tmp_path / "engine"))
    return engine_queue.make_private_folder()


@pytest.fixture
def engine(place, monkeypatch):
    """An engine in this very process, which holds no base."""
    lock = processes.acquire_lock(place)
    server = EngineServer(place, 1.0, lock)
    server.offline = True
    server.cache = FakeCache()
    monkeypatch.setattr(EngineServer, "_base_cache", lambda self: self.cache)
    yield server
    if server.lock == lock:
        os.close(lock)


class FakeCache:
    """A cache that holds a base, whatever happens."""

    key = SimpleNamespace(name="/held/base")
    cleared = False

    def release_unused(self):
        pass

    def clear(self):
        self.cleared = True


@pytest.fixture
def scores(monkeypatch):
    """What scoring does, instead of loading a base."""
    todo = {}
    monkeypatch.setattr(answering, "score", lambda question, cache: todo["does"](question))
    return todo


def question(tmp_path, *texts):
    return Question(str(tmp_path), str(tmp_path), texts or ("up", "down\udc80\n"))


def asked(server, what):
    """What an engine in this process makes of a question that a thread asks meanwhile."""
    found = []

    def ask():
        try:
            found.append(engine_questions.ask(what))
        except (UserError, EngineBusyError) as error:
            found.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():
        if server is not None:
            server._work()
        asking.join(0.01)
    return found[0]


def nothing_left(place):
    return not [*(place / QUESTION_FOLDER).iterdir(), *(place / ANSWER_FOLDER).iterdir()]


def test_an_answer_is_what_was_scored_to_the_last_bit(engine, scores, place, tmp_path):
    seen = []
    scores["does"] = lambda given: (seen.append(given), ROWS)[1]
    assert asked(engine, question(tmp_path)) == ROWS
    assert seen == [question(tmp_path)] and nothing_left(place)


def test_what_is_wrong_with_an_adapter_is_said_by_the_engine_as_it_would_be_here(
    engine, scores, place, tmp_path
):
    def refuse(given):
        raise UserError("The adapter is damaged.")

    scores["does"] = refuse
    assert str(asked(engine, question(tmp_path))) == "The adapter is damaged."
    assert engine_queue.running_engine().base == "/held/base"
    assert nothing_left(place) and not engine.cache.cleared


def test_an_engine_that_cannot_answer_leaves_it_to_whoever_asked(
    engine, scores, place, tmp_path, monkeypatch, capsys
):
    def fail(given):
        raise RuntimeError("out of memory")

    scores["does"] = fail
    assert asked(engine, question(tmp_path)) is None
    assert engine.cache.cleared and "out of memory" in capsys.readouterr().err

    def full(path, values):
        raise OSError(errno.ENOSPC, "No space left on device")

    scores["does"] = lambda given: ROWS
    monkeypatch.setattr(engine_questions, "_write_answer", full)
    assert asked(engine, question(tmp_path)) is None
    monkeypatch.undo()
    engine.offline = False  # it holds a base of the hub, and would have to begin anew
    assert asked(engine, question(tmp_path)) is None and nothing_left(place)


def test_an_engine_that_is_busy_is_not_waited_for(engine, place, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_questions, "PATIENCE_S", 0.05)
    engine._update(run=str(tmp_path / "7"))
    busy = asked(None, question(tmp_path))
    assert str(busy) == f"The engine is busy with {tmp_path / '7'}" and nothing_left(place)


def test_an_engine_that_hangs_is_given_up(engine, place, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_questions, "IDLE_PATIENCE_S", 0.05)
    assert str(asked(None, question(tmp_path))) == "The engine does not answer" and nothing_left(
        place
    )


def test_an_engine_that_dies_over_a_question_is_not_waited_for(engine, place, tmp_path):
    def die():
        while not (waiting := engine_questions.waiting_questions()):
            engine_questions.time.sleep(0.01)
        waiting[0].rename(f"{waiting[0]}.taken")
        os.close(engine.lock)
        engine.lock = None

    dying = threading.Thread(target=die)
    dying.start()
    assert asked(None, question(tmp_path)) is None
    dying.join()
    assert engine_questions.ask(question(tmp_path)) is None


def test_questions_to_an_engine_that_was_killed_are_discarded_by_the_next(place, tmp_path):
    for name in ("1.json", "1.json.taken"):
        run_folder.write_json(place / QUESTION_FOLDER / name, asdict(question(tmp_path)))
    (place / ANSWER_FOLDER / "1.json").write_text("{}")
    lock = processes.acquire_lock(place)
    EngineServer(place, 1.0, lock)
    assert nothing_left(place)
    os.close(lock)


def test_answers_that_nobody_fetched_are_removed_with_the_next(engine, scores, place, tmp_path):
    for name, age in (("1.json", 61), ("2.json", 0)):
        (path := place / ANSWER_FOLDER / name).write_text("{}")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    scores["does"] = lambda given: ROWS
    assert asked(engine, question(tmp_path)) == ROWS
    assert [path.name for path in (place / ANSWER_FOLDER).iterdir()] == ["2.json"]


def test_without_an_engine_nothing_is_written(place, tmp_path):
    assert engine_questions.ask(question(tmp_path)) is None and nothing_left(place)


def test_what_is_no_question_is_removed(engine, place):
    for name, content in (("1.json", "{"), ("2.json", '{"adapter": 3}')):
        (place / QUESTION_FOLDER / name).write_text(content)
        assert engine._work()
    assert nothing_left(place) and not engine._work()


def test_questions_are_their_owners_alone(place, engine, tmp_path):
    for name in (QUESTION_FOLDER, ANSWER_FOLDER):
        assert (place / name).stat().st_mode & 0o777 == 0o700
        (place / name).chmod(0o750)
        assert engine_questions.ask(question(tmp_path)) is None
        (place / name).chmod(0o700)
    real = (place / QUESTION_FOLDER).rename(place / "real")
    (place / QUESTION_FOLDER).symlink_to(real)
    assert engine_questions.ask(question(tmp_path)) is None and not [*Path(real).iterdir()]
