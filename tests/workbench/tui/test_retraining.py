"""Training again while somebody labels: after so many corrections, one run at a time, offered."""

import pytest

from storage import config
from storage.errors import UserError
from storage.history import labels
from storage.runs.corrections import Corrections, corrections_since_training
from storage.store import open_store
from workbench.tui import retraining


@pytest.fixture
def every_two(workspace, monkeypatch):
    """The workspace, which wants to train again after two corrections."""
    monkeypatch.setattr(retraining, "LOOK_S", 0.05)
    path = workspace / "workbench.toml"
    path.write_text(path.read_text().replace("every = 0", "every = 2"))
    return workspace


def trainings(stub):
    return [call for call in stub.calls if call[0] == "train"]


AGAIN = ["train", "--from", "2", "--launcher", "engine", "--json"]


async def test_enough_corrections_start_a_run_that_is_offered(every_two, start, stub):
    async with start(program=stub.program, size=(180, 40)) as driver:
        await driver.until_seen("trains again after 2 more")
        await driver.press("1")  # keeps a label, which corrects nothing
        await driver.press("1")
        await driver.until_seen("trains again after 1 more")
        assert not trainings(stub)
        await driver.press("1")
        await driver.until(lambda: trainings(stub) == [AGAIN])
        await driver.until_seen("run 3 training")
        await driver.press("2", "2", "2")
        await driver.pilot.pause(0.3)
        assert trainings(stub) == [AGAIN], "one is under way"
        stub.move(state="done", step=20)
        await driver.until_seen("run 3 offered (o)")


async def test_a_refusal_is_said_once_and_waits_for_more(every_two, start, stub):
    stub.fail()
    async with start(program=stub.program, size=(180, 40)) as driver:
        await driver.press("2", "1")
        await driver.until_seen("Training again was refused")
        await driver.until_seen("trains again after 2 more")
        await driver.pilot.pause(0.3)
        assert trainings(stub) == [AGAIN]
        stub.work_again()
        await driver.press("1", "2")
        await driver.until(lambda: trainings(stub) == [AGAIN, AGAIN])


async def test_a_start_that_fails_otherwise_is_tried_again(every_two, start, stub, monkeypatch):
    async def fail(*arguments, **options):
        raise OSError(12, "Cannot allocate memory", "/a/python")

    async with start(program=stub.program) as driver:
        monkeypatch.setattr(driver.app, "command", fail)
        await driver.press("2", "1")
        await driver.until_seen("/a/python cannot be used")
        monkeypatch.undo()
        await driver.until(lambda: trainings(stub) == [AGAIN])


async def test_a_key_on_the_runs_trains_on_from_the_one_under_the_cursor(start, stub):
    async with start(program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("fast")
        await driver.press("g", "A")
        await driver.until(lambda: trainings(stub) == [["train", "--from", "2", "--json"]])
        await driver.until_seen("run 3")
        await driver.until(lambda: driver.app.screen.run.id == 3)


async def test_why_it_cannot_be_gone_on_from_is_said(start, stub):
    stub.fail()
    async with start(program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("baseline")
        await driver.press("G", "A")
        await driver.until_seen("There is no model folder")


async def test_nothing_is_trained_unless_that_is_asked_for(workspace, start, stub, monkeypatch):
    monkeypatch.setattr(retraining, "LOOK_S", 0.05)
    async with start(program=stub.program, size=(180, 40)) as driver:
        await driver.press("2", "1", "1", "2")
        await driver.pilot.pause(0.3)
        assert not trainings(stub) and "trains" not in driver.text


def test_corrections_count_since_the_newest_training(workspace):
    store = open_store(workspace, "ana")
    assert corrections_since_training(store) == Corrections(2, 0)
    labels.assign(store, [1, 2], "negative")  # the second is negative already
    labels.assign(store, [3], "positive")
    labels.assign(store, [3], "negative")
    assert corrections_since_training(store).count == 2
    labels.undo(store)
    labels.undo(store)
    assert corrections_since_training(store).count == 1
    store.db.execute("UPDATE runs SET kind = 'baseline'")
    assert corrections_since_training(store).parent is None
    store.close()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("train = 5", "train must be a table with every"),
        ("[train]\nevery = -1", "train.every must be 0 or more"),
        ('[train]\nevery = "often"', "train_every must be a whole number"),
        ("[train]\nfrom = 3", "unknown setting 'train_from'"),
    ],
)
def test_a_setting_that_is_none_is_one_sentence(tmp_path, table, sentence):
    (tmp_path / "workbench.toml").write_text(f'labels = ["a", "b"]\n{table}\n')
    with pytest.raises(UserError, match=sentence):
        config.load(tmp_path)
