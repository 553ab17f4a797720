"""Fixtures that all tests share: workspaces in temporary folders, and the command line."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage import importing
from storage.config import Config
from storage.importing import Options, Report
from storage.store import Store, create_store, open_store, set_labels
from workbench import cli as command_line

ROOT = Path(__file__).resolve().parent.parent
LABELS = ("positive", "negative")
HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJm\x1b\\",
    "\x1bP$q q\x1b\\",
    "\x1b[2J\x1b[H\x1b[?1049h",
    "\x9b31mred",
    "\x9d0;owned\x9c",
    "\x90q\x9c",
    "back\x08\x08\x08space and bell\x07",
    "vertical\x0btab form\x0cfeed return\rover",
    "\u202eevil\u202c \u2066isolate\u2069 \u200fmark",
    "zero\u200bwidth\u2060joiner\ufeff",
    "[bold red]markup[/] [link=http://x]y[/link]",
    "tag\U000e0041\U000e007f z\u0351\u0352\u0353\u0354\u0355algo",
)
"""Texts that a terminal would act on, or that Rich would take for markup."""

KNOWN_BUGS: dict[str, str] = {
    # part of a test's name: the bug; strict, so a line has to go when its bug is mended
    "test_a_change_of_nothing_is_no_step": "labels._act records an action for no tweets",
    "test_redo_does_again_what_was_undone_last": "labels.redo takes the oldest undone action",
    "test_undo_leaves_alone_what_somebody_else_confirmed": "labels._replay looks at values only",
    "test_cache_files_in_a_datasets_folder": "readers takes every *.arrow file for data",
    "test_a_damaged_datasets_folder": "readers lets ArrowInvalid, ValueError, KeyError through",
    "test_an_encoding_that_does_not_fit_is_one_sentence[base64]": "readers: not a text encoding",
    "test_an_encoding_that_does_not_fit_is_one_sentence[rot13]": "readers: not a text encoding",
    "test_an_encoding_that_does_not_fit_is_one_sentence[utf-16]": "readers: UnicodeError",
    "test_odd_texts_are_kept_as_they_are[csv-nul": "tweets.window: substr ends at a NUL",
    "test_odd_texts_are_kept_as_they_are[jsonl-nul": "tweets.window: substr ends at a NUL",
    "test_a_text_with_a_nul_is": "tweets.window: substr ends at a NUL",
    "test_a_text_that_is_no_unicode": "importing: lone surrogates reach SQLite",
    "test_a_label_that_cannot_be_a_name": "importing.plan does not check the labels",
    "test_two_files_that_both_count_from_zero": "importing: the key is the id alone",
    "test_an_export_into_the_same_workspace": "the id column of an export is taken for an id",
    "test_a_filter_over_all_allowed_lengths": "filters._join nests too deep for SQLite",
    "test_a_hostile_filter_is_a_search_or_a_sentence[query34]": "filters._join nests too deep",
    'test_a_hostile_filter_is_a_search_or_a_sentence["a': "filters: NUL reaches FTS5",
    "test_a_hostile_filter_is_a_search_or_a_sentence[a\\x00b]": "filters: NUL reaches FTS5",
    "test_a_hostile_filter_is_a_search_or_a_sentence[\\ud800]": "filters: lone surrogates",
    "test_a_hostile_filter_is_a_search_or_a_sentence[a\\udcff]": "filters: lone surrogates",
    'test_a_hostile_filter_is_a_search_or_a_sentence["\\udcff': "filters: lone surrogates",
    "test_a_hostile_filter_is_a_search_or_a_sentence[by:\\udcff]": "filters: lone surrogates",
    "test_no_filter_raises_anything_but_a_filter_error": "filters: NUL reaches FTS5",
    "test_planted_damage_is_found[UPDATE counts SET value = 9 WHERE name = 'excluded'": "check",
    "test_planted_damage_is_found[UPDATE counts SET value = 9 WHERE name = 'review'": "check",
    "test_planted_damage_is_found[UPDATE current SET gold": "check does not look at gold",
    "test_a_run_that_is_not_there_is_named[9223372036854775808]": "tweets.require_run overflows",
    "test_a_run_that_is_not_there_is_named[10000": "tweets.require_run overflows",
    "test_a_workspace_without_its_settings_says_what_to_do": "create_store refuses its own advice",
    "test_a_label_that_is_spelt_otherwise": "open_store keeps the old spelling of a label",
    "test_labels_respelt_in_the_settings": "open_store keeps the old spelling of a label",
    "test_a_wrong_value_is_named_with_its_file[[split]\\ntest = -": "config: range of shares",
    "test_a_wrong_value_is_named_with_its_file[[split]\\ntest = nan": "config: range of shares",
    "test_a_wrong_value_is_named_with_its_file[[split]\\nseed = true": "config: bool is an int",
    "test_a_wrong_value_is_named_with_its_file[split = 3": "config: split is no table",
    "test_a_wrong_value_is_named_with_its_file[[words]": "config: words are not checked",
    "test_a_wrong_value_is_named_with_its_file[[keys]": "config: keys are not checked",
    "test_a_signal_in_the_middle_of_writing": "folder.write_json: one temporary name per process",
    "test_a_worker_that_ends_while_it_is_looked_for": "folder.settle overwrites a state that ended",
    "test_the_time_between_a_stop_and_a_resume": "State.seconds counts the time without a worker",
    "test_a_job_that_is_not_right_is_one_sentence[recipe is a number]": "folder.read_job",
    "test_a_refused_run_leaves_nothing_behind": "freezing makes the folder before the filter",
    "test_a_prediction_of_nothing_is_refused": "freezing makes the folder before the filter",
    "test_a_run_folder_of_another_life": "freezing: the number of a folder that is there",
    "test_the_folder_of_another_run": "collecting does not compare the uid",
    "test_damaged_predictions_fail_their_run": "collecting: one damaged run stops all",
    "test_a_loss_that_is_no_number": "collecting: NaN is NULL in SQLite",
    "test_probabilities_that_are_no_numbers": "collecting: NaN is NULL in SQLite",
    "test_collecting_that_was_cut_off": "collecting: predictions in several transactions",
    "test_few_tweets_or_one_rare_label_give_probabilities_or_a_sentence[1-2]": "baseline: folds",
    "test_few_tweets_or_one_rare_label_give_probabilities_or_a_sentence[1-3]": "baseline: folds",
    "test_texts_without_words": "baseline: an empty vocabulary",
    "test_a_dry_run_makes_no_workspace": "commands.data makes a workspace on a dry run",
    "test_a_file_that_cannot_be_read_makes_no_workspace": "commands.data makes it too early",
    "test_check_fails_on_a_store_that_is_not_sound": "cli.run drops the status of click's Exit",
    "test_the_caret_fits_a_filter_that_is_not_inert": "cli.fail: the caret is not moved along",
    "test_a_terminal_that_knows_no_emoji": "cli.run: characters that stdout cannot encode",
    "can_be_read[evaluate]": "evaluate writes to a read-only workspace",
    "can_be_read[suspects]": "suspects writes to a read-only workspace",
    "loses_nothing[('history', '--limit', '999": "history --limit overflows",
    "loses_nothing[('evaluate', '999": "tweets.require_run overflows",
    "loses_nothing[('list', '--run', '999": "tweets.require_run overflows",
    "loses_nothing[('list', 'a \\\\udcff": "filters: lone surrogates",
    "loses_nothing[('list', 'a a a a": "filters._join nests too deep for SQLite",
    "loses_nothing[('train', '--recipe', 'baseline', '--pre": "freezing: the folder comes first",
    "test_hostile_label_names_are_inert": "printing.table: headings are not made inert",
    "test_a_table_is_harmless_in_every_part": "printing.table: headings are not made inert",
    "test_a_joiner_hides_no_letter": "inert.JOINED takes any character",
    "test_a_line_is_one_line_without": "inert.INVISIBLE takes U+FFFD out again",
    "test_lines_keep_their_breaks": "inert.JOINED takes a line break",
    "test_a_replacement_character_stays": "inert.INVISIBLE takes U+FFFD out again",
    "test_a_wrong_value_is_refused_with_a_sentence[training.scheduler": "recipes: scheduler",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for part, reason in KNOWN_BUGS.items():
            if part in item.nodeid:
                item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    for name in ("WORKBENCH_HOME", "WORKBENCH_ANNOTATOR", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORKBENCH_ANNOTATOR", "ana")


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
        name: str = "workspace", annotator: str = "ana", labels: tuple[str, ...] = LABELS,
        **config: Any,
    ) -> Store:  # fmt: skip
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
def take_in() -> Callable[..., tuple[Store, Report]]:
    """Imports a file as the command does, and gives the store as it is afterwards."""

    def run(store: Store, path: Path, dry_run: bool = False, **options: Any) -> Any:
        plan = importing.plan(store.config, path, Options(**options))
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


@pytest.fixture
def small(make_store: Callable[..., Store], fill: Callable[..., Store]) -> Store:
    """Six tweets: 1 to 3 positive, 4 and 5 negative, 6 without a label."""
    texts = ["up we go", "to the moon", "bull run", "down it goes", "bear market", "no idea"]
    labels = ["positive"] * 3 + ["negative"] * 2 + [None]
    rows = [
        {"text": text, "label": label, "split": "train"}
        for text, label in zip(texts, labels, strict=True)
    ]
    return fill(make_store(), rows)


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
        return {"current": current, "counts": dict(store.db.execute("SELECT * FROM counts"))}

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


def _finished(process: subprocess.CompletedProcess[str]) -> Result:
    return Result(process.returncode, process.stdout, process.stderr)


@pytest.fixture(scope="session")
def workbench() -> Callable[..., Result]:
    """Runs the program in a process of its own."""

    def run(*arguments: object, env: dict[str, str] | None = None, **options: Any) -> Result:
        return _finished(
            subprocess.run(
                [sys.executable, "-m", "workbench", *map(str, arguments)],
                capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, timeout=120,
                env={**os.environ, **(env or {})}, **options,
            )
        )  # fmt: skip

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
