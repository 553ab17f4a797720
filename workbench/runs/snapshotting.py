"""Snapshots: the tweets that a run trains on and scores, fixed in its folder."""

from __future__ import annotations

import hashlib
import platform
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import UserError
from storage.label_changes import names_of_labels
from storage.label_names import key
from storage.query import tweets
from storage.runs import runs, training_set
from storage.runs.training_set import Example
from storage.safety.os_errors import translate_os_errors
from storage.store import Store, now, require_writable
from storage.transactions import transaction
from workbench.evaluation.near_duplicate_groups import all_compared
from workbench.planning.class_balance import balance_warnings
from workbench.recipes.base_models import base_path, fingerprint, is_local
from workbench.recipes.recipes import Recipe
from workbench.recipes.sentence_models import sentence_model_folder
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.folder import Job, State
from workbench.runs.ancestors import Ancestor, require_no_test_tweets
from workbench.runs.frozen_examples import examples_in, test_by_now
from workbench.runs.sentence_vectors import keep_sentence_vectors

PACKAGES = ("label-workbench", "torch", "transformers", "trl", "peft", "bitsandbytes", "datasets")
ROWS_PER_WRITE = 10_000


@dataclass(frozen=True)
class RunSnapshot:
    """A run folder that is ready for a worker, and how many tweets are in it."""

    job: Job
    path: Path
    train: int
    """Tweets to train on."""
    dev: int
    """Tweets to evaluate on while training."""
    predict: int
    """Tweets to score."""
    now_test: int = 0
    """Tweets of a cloned run that are left out, since they are test tweets by now."""


def snapshot_training(
    store: Store,
    recipe: Recipe,
    base: str | None,
    filter_text: str,
    trust_remote_code: bool = False,
    ancestor: Ancestor | None = None,
) -> RunSnapshot:
    """Make the run folder of a training run on the current labels.

    Test tweets and texts nearly equal to one are left out, and so are excluded tweets. Afterwards
    the run scores the tweets that pass the filter. It begins with the adapter of its ancestor if
    there is one. Raises UserError when there is nothing to train on.
    """
    tweets.listing(store, filter_text)  # a wrong filter is refused before anything is made
    settings = recipe.training
    share, seed = (settings.dev_share, settings.seed) if settings is not None else (0.0, 0)
    with ExitStack() as reading:
        reading.enter_context(all_compared(store))
        train, dev = training_set.split_for_training(store, share, seed)
        if not train:
            raise UserError(no_training_tweets(store))
        if ancestor is not None:
            train, dev = ancestor.divide(train, dev)
        job = _make_job(store, recipe.kind, recipe, base, [*train, *dev], trust_remote_code)
        counts = training_set.example_label_counts(store, train, dev)
        warnings = balance_warnings(counts, store.config.labels)
        sentences = tuple(warning.sentence for warning in warnings)
        job = replace(job, warnings=sentences, parent=None if ancestor is None else ancestor.number)
        with new_folder(store, job) as folder:
            if ancestor is not None:
                ancestor.write(folder)
            keep_sentence_vectors(store, job, folder)
            _write_examples(folder / run_folder.TRAIN, train)
            if dev:
                _write_examples(folder / run_folder.DEV, dev)
            scored = _write_texts(
                folder / run_folder.PREDICT, tweets.texts_passing(store, filter_text)
            )
            reading.close()
            return record_run(store, job, folder, len(train), len(dev), scored)


def require_two_labels(store: Store) -> None:
    """Raise UserError if there is nothing to tell apart."""
    if len(store.config.labels) < 2:
        raise UserError("The workspace has fewer than two labels; name them in workbench.toml.")


def no_training_tweets(store: Store) -> str:
    """What to do where no tweet can be trained on."""
    if outside := tweets.counts_outside_label_set(store):
        counted = ", ".join(f"{count:,} {name}" for name, count in outside.items())
        return (
            f"The labels of the tweets ({counted}) are not those of workbench.toml "
            f"({', '.join(store.config.labels)}), so there is nothing to train on; correct "
            "`labels` there, or label some tweets anew."
        )
    return "No training tweet carries a label yet; label some, or import a file with labels."


def snapshot_prediction(
    store: Store,
    recipe: Recipe,
    base: str,
    filter_text: str,
    adapter: Path | None,
    trust_remote_code: bool = False,
) -> RunSnapshot:
    """Make the run folder of a prediction run: a base, or a base with a trained adapter."""
    if not tweets.listing(store, filter_text):
        raise UserError("No tweet passes the filter, so there is nothing to predict.")
    if adapter is not None:
        run_folder.require_no_links(adapter.parent)
    job = _make_job(store, "predict", recipe, base, [], trust_remote_code)
    if adapter is not None:  # it answers as it was trained, whatever the settings are now
        trained = run_folder.read_job(adapter.parent)
        spelt = names_of_labels(store.db)
        job = replace(
            job,
            labels=tuple(spelt.get(key(label), label) for label in trained.labels),
            words=trained.words,
            template=trained.template,
            prompt=trained.prompt,
        )
    with new_folder(store, job) as folder:
        if adapter is not None:
            shutil.copytree(adapter, folder / run_folder.ADAPTER)
            # so that the run knows what its adapter was trained on
            for name in (run_folder.TRAIN, run_folder.ANCESTORS):
                if (adapter.parent / name).exists():
                    shutil.copy(adapter.parent / name, folder / name)
        scored = _write_texts(folder / run_folder.PREDICT, tweets.texts_passing(store, filter_text))
        return record_run(store, job, folder, 0, 0, scored)


def snapshot_clone(store: Store, source: Path, recipe: Recipe, base: str | None) -> RunSnapshot:
    """Make the run folder of another run with the data of one that there is.

    The tweets, their labels as they were then and the prompt are the same, so that what comes out
    differs by the settings alone. Only tweets that have become test tweets since, or are nearly
    equal to one, are left out. Raises UserError if the folder cannot be used.
    """
    run_folder.require_no_links(source)
    before = run_folder.require_made_here(source, "there is nothing to clone")
    if before.kind == "predict" or recipe.kind != before.kind:
        raise UserError(
            f"A {before.kind} run cannot be cloned with the recipe {recipe.name}; start one of its "
            "own with `workbench train` or `workbench predict`."
        )
    _require_same_start(source, before, recipe, base)
    job = replace(
        before,
        id=0,
        uid=uuid.uuid4().hex,
        recipe=recipe,
        base=_resolve_base(base),
        created=now(),
        versions=_versions(),
        base_print=None if base is None else fingerprint(base),
    )
    with ExitStack() as reading:
        reading.enter_context(all_compared(store))
        train, dev = (examples_in(source / name) for name in (run_folder.TRAIN, run_folder.DEV))
        if not train:
            raise UserError(f"{source / run_folder.TRAIN} is missing; {tables.NEW_RUN_ADVICE}.")
        require_no_test_tweets(store, source, tables.ancestors(source))
        barred = test_by_now(store, [(e.id, e.text) for e in (*train, *dev)])
        kept_train, kept_dev = ([e for e in part if e.id not in barred] for part in (train, dev))
        if not kept_train:
            raise UserError(
                f"All tweets that run {source.name} was trained on are test tweets by now; start "
                "another run with `workbench train`."
            )
        if barred:
            job = replace(job, data_hash=_data_hash([*kept_train, *kept_dev]))
        with new_folder(store, job) as folder:
            _write_examples(folder / run_folder.TRAIN, kept_train)
            if dev:
                _write_examples(folder / run_folder.DEV, kept_dev)
            for name in (run_folder.PREDICT, run_folder.START, run_folder.ANCESTORS):
                if (source / name).exists():
                    shutil.copy(source / name, folder / name)
            scored = tables.count_rows(source / run_folder.PREDICT)
            reading.close()
            made = record_run(store, job, folder, len(kept_train), len(kept_dev), scored)
    return replace(made, now_test=len(barred))


def _require_same_start(source: Path, before: Job, recipe: Recipe, base: str | None) -> None:
    """Raise UserError if a run that began with another one's adapter is to have another shape."""
    if before.parent is None:
        return
    if recipe.lora != before.recipe.lora or _resolve_base(base) != before.base:
        raise UserError(
            f"Run {source.name} began with the adapter of run {before.parent}, which fits its own "
            "base and lora settings only; leave those as they are."
        )


def _resolve_base(base: str | None) -> str | None:
    if base is not None and is_local(base):
        return str(base_path(base).resolve())
    return base


def _make_job(
    store: Store,
    kind: str,
    recipe: Recipe,
    base: str | None,
    data: list[Example],
    trust_remote_code: bool,
) -> Job:
    require_two_labels(store)
    labels = store.config.labels
    base = None if kind == "baseline" else _resolve_base(base)
    return Job(
        id=0,
        uid=uuid.uuid4().hex,
        kind=kind,
        recipe=recipe,
        base=base,
        labels=labels,
        words=tuple(store.config.word(label) for label in labels),
        template=store.config.message,
        data_hash=_data_hash(data),
        created=now(),
        versions=_versions(),
        trust_remote_code=trust_remote_code,
        prompt=store.config.prompt,
        base_print=None if base is None else fingerprint(base),
        embeddings=store.config.embeddings,
        sentence_model=_sentence_model(store) if kind == "baseline" else None,
    )


def _sentence_model(store: Store) -> str | None:
    named = store.config.sentence_model
    return str(sentence_model_folder(named, store.folder)) if named else None


@contextmanager
def new_folder(store: Store, job: Job) -> Iterator[Path]:
    """A folder to prepare a run in, which has no number before it is complete."""
    require_writable(store)
    folder = store.runs_folder / f".{job.uid}"
    with translate_os_errors(store.runs_folder):
        store.runs_folder.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def record_run(
    store: Store,
    job: Job,
    folder: Path,
    train: int,
    dev: int,
    predict: int,
    state: State | None = None,
) -> RunSnapshot:
    """Give the run its number, its folder and its place in the store, all of them or none.

    It is queued, unless its state is another.
    """
    taken = [int(path.name) for path in store.runs_folder.iterdir() if path.name.isdecimal()]
    path = folder
    try:
        with transaction(store.db):
            number = runs.add(
                store,
                job.uid,
                job.kind,
                job.recipe.name,
                job.base,
                job.labels,
                after=max(taken, default=0),
            )
            job = replace(job, id=number)
            job.save(folder)
            run_folder.write_state(folder, state or State())
            path = folder.rename(store.run_folder(number))
    except BaseException:
        path.rename(folder)  # where the caller takes it away
        raise
    return RunSnapshot(job, path, train, dev, predict)


def _write_examples(path: Path, examples: list[Example]) -> None:
    table = pa.table(
        {
            "id": pa.array([example.id for example in examples], pa.int64()),
            "text": pa.array([example.text for example in examples], pa.string()),
            "label": pa.array([example.label for example in examples], pa.string()),
            "group": pa.array([example.group for example in examples], pa.int64()),
        }
    )
    pq.write_table(table, path)


def _write_texts(path: Path, rows: Iterable[tuple[int, str]]) -> int:
    remaining, written = iter(rows), 0
    with texts_writer(path) as write:
        while batch := list(islice(remaining, ROWS_PER_WRITE)):
            write(batch)
            written += len(batch)
    return written


@contextmanager
def texts_writer(path: Path) -> Iterator[Callable[[list[tuple[int, str]]], None]]:
    """Give a function that writes ids with their texts into a table of a run folder."""
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:

        def write(batch: list[tuple[int, str]]) -> None:
            ids, texts = [tweet for tweet, _ in batch], [text for _, text in batch]
            writer.write_table(pa.table({"id": ids, "text": texts}, schema=schema))

        write([])
        yield write


def _data_hash(examples: list[Example]) -> str:
    hasher = hashlib.sha256()
    for example in examples:
        hasher.update(repr((example.id, example.text, example.label)).encode("utf-8", "replace"))
    return hasher.hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
