"""A workspace of a dozen tweets with two runs, and a running app on it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

import forking
import pytest
from driving import changes, driven
from model_terminal import ModelTerminal
from textual._compositor import Compositor
from textual.app import App

from storage import interpreter
from storage.config import Config
from storage.runs import displayed_run, runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import create_store
from storage.transfer import importing
from workbench.rundir import folder as run_folder
from workbench.tui.app import WorkbenchApp

LABELS = ("positive", "negative")
TWEETS = [
    ("$TSLA to the moon", "positive"),
    ("$AAPL is a disaster", "negative"),
    ("sold all my $GME, never again", "negative"),
    ("great quarter for $MSFT", "positive"),
    ("[red]markup[/red] and \x1b[31mcolour\x1b[0m \x1b]0;title\x07", "positive"),
    ("right-to-left \u202eoverride and family 👨‍👩‍👧 end", "negative"),
    ("calls printing again", "positive"),
    ("this aged badly", "negative"),
    ("holding $TSLA forever", "positive"),
    ("no label on this one", ""),
    ("line one\nline two of it", "negative"),
    ("last of them", "positive"),
]
WRONG = (3, 8)
"""The tweets for which the second run predicts another label than the given one."""
IN_SAMPLE = (1, 2)


def build(folder, tweets=TWEETS, with_runs=True):
    """Import tweets and, for those with a label, the predictions of two runs."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / "tweets.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "account"])
        writer.writerows(
            (f"t{i}", text, label, "someone") for i, (text, label) in enumerate(tweets, 1)
        )
    store = create_store(folder, Config(labels=LABELS), "ana")
    importing.run(store, importing.plan(store.config, path, importing.ImportOptions()))
    if with_runs:
        for recipe, kind in (("baseline", "baseline"), ("fast", "qlora")):
            run = runs.add(store, recipe, kind, recipe, None, LABELS)
            add_predictions(store, run, predictions(kind))
            runs.update(store, run, state="done")
        displayed_run.show(store, run)
    store.close()
    return folder


def predictions(kind):
    """The first run is right throughout, the second wrong on WRONG."""
    for number, (_, label) in enumerate(TWEETS, 1):
        if label:
            right = kind == "baseline" or number not in WRONG
            positive = 0.9 if (label == "positive") == right else 0.1
            sample = kind == "qlora" and number in IN_SAMPLE
            yield Prediction(number, (positive, 1 - positive), 0.8, 0.3, sample)


@pytest.fixture(autouse=True)
def commands_forked(request, monkeypatch):
    """Commands that the screen starts are forked: real ones always, stand-ins if it saves time."""

    def begin(arguments, *rest, **how):
        if "-m" in arguments[:4]:
            request.getfixturevalue("fork_server")
        return forking.start(arguments, *rest, **how)

    monkeypatch.setattr(interpreter, "start", begin)


def draw_nothing(compositor, screen_stack):
    """Stands in for drawing on a terminal."""
    compositor.changes = changes(compositor) + bool(compositor._dirty_regions)
    compositor._dirty_regions.clear()


@pytest.fixture(autouse=True)
def drawn_where_looked_at(request, monkeypatch):
    """A screen is drawn when a test looks at it, and at its end, as nobody looks at the terminal.

    Tests of what a terminal gets, and those that press keys anywhere, ask for `drawn`.
    """
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(Compositor, "render_update", draw_nothing)


@pytest.fixture
def drawn():
    """Each change is drawn, as for a terminal."""


@pytest.fixture
def given():
    """The texts and labels of the workspace."""
    return TWEETS


@pytest.fixture(scope="session")
def make_workspace():
    """Makes a workspace of other tweets."""
    return build


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return build(tmp_path_factory.mktemp("built") / "workspace")


@pytest.fixture
def workspace(built, tmp_path):
    return shutil.copytree(built, tmp_path / "workspace")


@pytest.fixture
def empty_workspace(tmp_path):
    create_store(tmp_path / "empty", Config(labels=LABELS), "ana").close()
    return tmp_path / "empty"


@asynccontextmanager
async def running(folder, size=(120, 40), program=None):
    """The app on a workspace, ready for keys."""
    app = WorkbenchApp(folder, "ana", **({"program": program} if program else {}))
    async with driven(app, size) as driver:
        yield driver


@pytest.fixture
def drive():
    """Starts an app that was made already: `async with drive(app) as driver`."""
    return driven


@pytest.fixture
def terminal(drawn, monkeypatch):
    """Shows what the screen sends."""
    shown = ModelTerminal()
    monkeypatch.setattr(App, "_display", lambda app, *update: shown.display(app, *update))
    return shown


@pytest.fixture
def start(workspace):
    """Starts the app: `async with start(...) as driver`."""

    def begin(folder=None, **options):
        return running(folder or workspace, **options)

    return begin


class Stub:
    """A stand-in for the command line: it starts run 3, and collects it when it has ended."""

    def __init__(self, scratch, workspace):
        self.scratch = scratch
        self.folder = workspace / "runs" / "3"
        (scratch / "stub.py").write_text(STUB)
        (scratch / "worker").write_text(str(os.getpid()))
        self.program = (sys.executable, str(scratch / "stub.py"), str(scratch))

    @property
    def calls(self):
        path = self.scratch / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def fail(self):
        (self.scratch / "fail").touch()

    def work_again(self):
        (self.scratch / "fail").unlink()

    @contextmanager
    def held_up(self):
        """Commands do what they do and answer afterwards only."""
        (self.scratch / "slow").touch()
        yield
        (self.scratch / "slow").unlink()

    def move(self, **changes):
        """Change the state of the run, as its worker would."""
        run_folder.write_state(self.folder, run_folder.read_state(self.folder), **changes)

    def copy(self, number):
        """Another run that stands as this one does."""
        shutil.copytree(self.folder, self.folder.with_name(str(number)))

    def start_outside(self):
        """Start the run as somebody else would."""
        self._do("train", "--recipe", "tiny")

    def resume_outside(self):
        """Go on with the run as somebody else would."""
        self._do("resume", "3")

    def _do(self, *arguments):
        workspace = str(self.folder.parent.parent)
        command = [*self.program, "--workspace", workspace, *arguments]
        begun = forking.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        complaint = begun.communicate()[1]
        assert begun.returncode == 0, complaint


@pytest.fixture
def stub(tmp_path, workspace):
    return Stub(tmp_path, workspace)


STUB = """
import json, sys, time
from pathlib import Path
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import open_store
from workbench.rundir import folder as run_folder
from workbench.rundir import processes

scratch, _, workspace, command, *rest = sys.argv[1:]
with Path(scratch, "calls").open("a") as calls:
    calls.write(json.dumps([command, *rest]) + "\\n")
def answer(text):
    while Path(scratch, "slow").exists():
        time.sleep(0.02)
    print(text)

if Path(scratch, "fail").exists():
    answer("")
    print("a warning of some library", file=sys.stderr)
    sys.exit("workbench: There is no model folder /nowhere; give a folder or a hub name.")
store = open_store(Path(workspace))
if command == "train":
    recipe = rest[rest.index("--recipe") + 1] if "--recipe" in rest else "tiny"
    number = runs.add(store, "third", "qlora", recipe, "base", ["positive", "negative"])
    folder = store.run_folder(number)
    folder.mkdir(parents=True)
    state = run_folder.State(state="running", phase="training", step=5, steps=20, eta_s=75.0)
    # The test itself plays the worker, so that the run counts as alive.
    worker = processes.identity(int(Path(scratch, "worker").read_text()))
    run_folder.write_state(folder, state, started=time.time() - 3, pid=worker.pid,
                           pid_started=worker.started, boot=worker.boot, host=worker.host)
    for step, loss in ((1, 0.9), (5, 0.412)):
        run_folder.append_log(folder, "step", step=step, steps=20, loss=loss,
                              learning_rate=1e-4, tweets_per_s=51.5, memory_gib=4.25)
    run_folder.append_log(folder, "dev", step=5, accuracy=0.75, n=40, loss=0.51, best_step=5)
    answer(json.dumps(runs.get(store, number).as_json()))
elif command == "resume":
    folder = store.run_folder(int(rest[0]))
    run_folder.write_state(folder, run_folder.read_state(folder), state="running", reason=None)
    runs.update(store, int(rest[0]), state="queued", reason=None)
elif command == "runs":
    for run in runs.every(store):
        folder = store.run_folder(run.id)
        if folder.is_dir():
            state = run_folder.read_state(folder)
            runs.update(store, run.id, state=state.state, reason=state.reason, steps=state.step)
            if state.state == "done":
                add_predictions(store, 3, [Prediction(1, (0.25, 0.75), 0.5, 0.5, False)])
                report = dict(accuracy=0.81, accuracy_low=0.73, accuracy_high=0.87, macro_f1=0.8)
                runs.save_evaluation(store, 3, "test", report | {"n": 100})
    answer(json.dumps([run.as_json() for run in runs.every(store)]))
else:
    answer("")
"""
