"""Fixtures that all tests share: workspaces in temporary folders, and the command line."""

from __future__ import annotations

import csv
import gc
import importlib.util
import json
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import disk_usage
from typing import Any

import forked_interpreter
import forking
import pytest
from hostile import HOSTILE
from hypothesis import HealthCheck, settings
from psutil import virtual_memory
from textual import _wait, strip
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from storage import interpreter
from storage.config import Config
from storage.query.tweets import counts
from storage.store import Store, create_store, open_store, set_labels
from storage.transfer import importing
from storage.transfer.importing import ImportOptions, ImportReport
from workbench import cli as command_line

# Before torch is imported: with tests on every core, its threads would wait for one another.
os.environ["OMP_NUM_THREADS"] = "1"

# Each of thousands of workspaces waits for the disk several times, which takes as long as all else.
IN_MEMORY = Path("/dev/shm")
ROOM = 8 * 2**30
if IN_MEMORY.is_mount() and min(disk_usage(IN_MEMORY).free, virtual_memory().available) >= ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))

# On a busy machine an example takes as long as it takes; that is no fault of what is tried.
# It is the same ones each time; `--hypothesis-profile explore` tries others.
LOOSE = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
settings.register_profile("explore", deadline=None, suppress_health_check=LOOSE)
settings.register_profile("steady", settings.get_profile("explore"), derandomize=True)
settings.load_profile("steady")

# Textual's pilot looks after each key, twice, whether the process is at rest: 20 ms each time.
_wait.SLEEP_GRANULARITY /= 5
_wait.SLEEP_IDLE /= 2

parse_rules = Stylesheet._parse_rules
parsed: dict[object, list[RuleSet]] = {}


def parse_once(sheet: Stylesheet, *source: Any, **how: Any) -> list[RuleSet]:
    """The rules of a style sheet, which hundreds of apps and changes of colours have in common."""
    key = (tuple(sheet._variables.items()), source, tuple(how.items()))
    if key not in parsed:
        parsed[key] = parse_rules(sheet, *source, **how)
    return parsed[key]


Stylesheet._parse_rules = parse_once
RuleSet.__hash__ = object.__hash__  # which is as good, and asked for a million times
strip.FIFOCache = lambda most: {}  # as millions of them are made, and few are ever asked

# Nobody presses keys while a test waits for a worker, beside others that compute.
interpreter.NICENESS = 0

# What collecting the tests imports stays, so that looking through it for garbage is in vain.
gc.disable()

ROOT = Path(__file__).resolve().parent.parent
MODELS = importlib.util.find_spec("torch") is not None
"""Whether the libraries of models are here; `make test-versions` goes without."""
NEED_MODELS = (
    "workbench/modeling",
    "workbench/planning/test_class_balance.py",
    "workbench/runs/test_base_model_cache.py",
    "workbench/runs/test_launchers.py",
    "workbench/worker/test_killed_training.py",
)
"""What imports them at its top; single tests that need them have the mark `models`."""
collect_ignore = () if MODELS else NEED_MODELS
LABELS = ("positive", "negative")
LONGEST = (
    "e2e/slurm/test_slurm.py",
    "e2e/test_loop.py",
    "e2e/test_demo.py",
    "workbench/modeling/test_training.py",
    "workbench/tui/test_snapshots.py",
    "workbench/tui/test_keys.py",
    "workbench/tui/test_training.py",
    "workbench/runs/test_launchers.py",
    "workbench/worker/test_engine.py",
    "reliability/test_locks.py",
    "e2e/test_detached.py",
    "workbench/worker/test_odd_bases.py",
    "reliability/test_together.py",
    "reliability/test_killed.py",
    "e2e/test_terminal.py",
    "e2e/test_tmux.py",
    "e2e/test_wheel.py",
    "workbench/worker/test_killed_training.py",
    "workbench/modeling/test_memory.py",
    "workbench/modeling/test_bases.py",
    "workbench/modeling/test_label_words.py",
    "workbench/commands/test_cloning.py",
    "workbench/runs/test_base_model_cache.py",
    "storage/formats/programs/test_programs.py",
    "storage/transfer/test_round_trip.py",
    "workbench/tui/test_queue.py",
    "workbench/tui/test_filing.py",
    "reliability/test_hangup.py",
    "reliability/test_disk_full.py",
    "reliability/test_hostile.py",
    "workbench/runs/test_foreign_folders.py",
    "workbench/commands/test_bad_input.py",
)
"""Files that take long, the longest first."""
SHORT = ROOT / "tests" / "storage"
"""Where the other files take a few seconds at most, and are left for the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make snapshots` stores the screens as they are."""
    parser.addoption("--renew", action="store_true", help="store the snapshots of screens anew")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Iterable[Any]) -> None:
    """Have the test processes forked, lest each imports what the tests import."""
    if MODELS:
        for spec in specs:
            spec.python = forked_interpreter.command(config._tmp_path_factory.getbasetemp())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, lest one is left to a single process in the end."""
    rank = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    for path in {item.path for item in items} - rank.keys():
        rank[path] = len(LONGEST) + (SHORT in path.parents)
    items.sort(key=lambda item: rank[item.path])


def pytest_collection_finish() -> None:
    """Have garbage collections be rarer, as screens make much, and pass over what stays anyway."""
    gc.freeze()
    gc.set_threshold(10_000, 20)
    gc.enable()


def pytest_sessionfinish() -> None:
    """Leave what is left to the system, as looking through it takes each process a second."""
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    unset = ("WORKBENCH_HOME", "WORKBENCH_ANNOTATOR", "WORKBENCH_THEME", "NO_COLOR", "FORCE_COLOR")
    for name in unset:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("WORKBENCH_ANNOTATOR", "ana")


@pytest.fixture(autouse=True, scope="session")
def no_engine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests leave the engine and the recent actions of whoever runs them alone."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["WORKBENCH_ENGINE_DIR"] = str(tmp_path_factory.mktemp("engine") / "engine")


@pytest.fixture(autouse=True, scope="session")
def schema_made_once() -> Iterator[None]:
    """New databases get a copy of the schema, which the migrations have made for the first."""
    from storage import migrations  # what brings pandas along, after the libraries of models

    migrate, made, one_at_a_time = migrations.migrate, [], threading.Lock()

    def copy(db: sqlite3.Connection) -> None:
        if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            migrate(db)  # of an older version, or one whose making was cut short
            return
        with one_at_a_time:
            if not made:
                made.append(sqlite3.connect(":memory:", check_same_thread=False))
                migrate(made[0])
            made[0].backup(db)

    migrations.migrate = copy
    yield
    migrations.migrate = migrate


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What processes are forked off that need not import anything, one for all of this session."""
    if not MODELS:
        yield
        return
    folder = tmp_path_factory.getbasetemp()
    with forking.server(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder):
        yield


@pytest.fixture
def forked(fork_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers, engines and commands that the program starts are forked, where that saves time."""
    if MODELS:
        monkeypatch.setattr(interpreter, "start", forking.start)


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets beside the checkout; a test that needs them is skipped without them."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data sets are not here")
    return folder


@pytest.fixture(scope="session")
def surge_file(shared_data: Path) -> Path:
    return shared_data / "surge" / "sentiment.csv"


@pytest.fixture
def hostile_texts() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Makes an empty workspace; another name makes another one."""
    made: list[Store] = []

    def make(
        name: str = "workspace",
        annotator: str = "ana",
        labels: tuple[str, ...] = LABELS,
        **config: Any,
    ) -> Store:
        made.append(create_store(tmp_path / name, Config(labels=labels, **config), annotator))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file; text as UTF-8 with the line ends that it has."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture(scope="session")
def take_in() -> Callable[..., tuple[Store, ImportReport]]:
    """Imports a file as the command does, and gives the store as it is afterwards."""

    def run(store: Store, path: Path, dry_run: bool = False, **options: Any) -> Any:
        plan = importing.plan(store.config, path, ImportOptions(**options))
        report = importing.run(store, plan, dry_run)
        if plan.labels != store.config.labels and not dry_run:
            store = set_labels(store, plan.labels)
        return store, report

    return run


Rows = Iterable[dict[str, Any]]


@pytest.fixture(scope="session")
def fill(take_in: Callable[..., Any]) -> Callable[[Store, Rows], Store]:
    """Imports rows such as {"text": …, "label": …, "split": …}."""

    def fill_store(store: Store, rows: Rows) -> Store:
        path = store.folder.parent / f"{store.folder.name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        filled: Store = take_in(store, path)[0]
        return filled

    return fill_store


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory, fill: Callable[..., Store]) -> Path:
    """The workspace of `small`; copy it, never write to it."""
    texts = ["up we go", "to the moon", "bull run", "down it goes", "bear market", "no idea"]
    labels = ["positive"] * 3 + ["negative"] * 2 + [None]
    rows = [
        {"text": text, "label": label, "split": "train"}
        for text, label in zip(texts, labels, strict=True)
    ]
    folder = tmp_path_factory.mktemp("small") / "workspace"
    fill(create_store(folder, Config(labels=LABELS), "ana"), rows).close()
    return folder


@pytest.fixture
def small(small_template: Path, tmp_path: Path, reopen: Callable[..., Store]) -> Store:
    """Six tweets: 1 to 3 positive, 4 and 5 negative, 6 without a label."""
    return reopen(Path(shutil.copytree(small_template, tmp_path / "workspace")))


@pytest.fixture
def reopen() -> Iterator[Callable[..., Store]]:
    """Opens a workspace again, also as somebody else."""
    opened: list[Store] = []

    def open_again(store: Store | Path, annotator: str = "ana") -> Store:
        opened.append(open_store(store if isinstance(store, Path) else store.folder, annotator))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def surge_template(
    tmp_path_factory: pytest.TempPathFactory, surge_file: Path, take_in: Callable[..., Any]
) -> Path:
    """A workspace with the 500 Surge tweets; copy it, never write to it."""
    folder = tmp_path_factory.mktemp("template") / "surge"
    store, _ = take_in(create_store(folder, Config(), "ana"), surge_file)
    store.close()
    return folder


@pytest.fixture
def surge(surge_template: Path, tmp_path: Path, reopen: Callable[..., Store]) -> Store:
    """A workspace of its own with the 500 Surge tweets."""
    return reopen(Path(shutil.copytree(surge_template, tmp_path / "surge")))


@pytest.fixture(scope="session")
def state_of() -> Callable[[Store], dict[str, Any]]:
    """What an undo has to bring back: every tweet's labels and marks, and the counts."""

    def read(store: Store) -> dict[str, Any]:
        columns = "tweet, gold, label, excluded, review, ambiguous, note"
        current = store.db.execute(f"SELECT {columns} FROM current ORDER BY tweet").fetchall()
        return {"current": current, "counts": asdict(counts(store))}

    return read


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def workbench(fork_server: None) -> Callable[..., Result]:
    """Runs the program in a process of its own, which is forked if its options allow it."""

    def run(*arguments: object, **options: Any) -> Result:
        done = forking.run("workbench", *arguments, **options)
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Runs the program in this process, which is faster, through the same entry point."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        capsys.readouterr()
        status: Any = 0
        try:
            command_line.run()
        except SystemExit as end:
            status = end.code or 0
        output = capsys.readouterr()
        return Result(status, output.out, output.err)

    return run


@pytest.fixture(scope="session")
def read_csv() -> Callable[[Path], list[dict[str, str]]]:
    """The rows of a CSV file as the csv module reads them."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read
