"""Commands that use a trained model: classify, export-adapter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from storage.errors import UsageError, UserError
from storage.runs import runs
from storage.runs.displayed_run import promoted_run
from storage.store import Store
from workbench import figures
from workbench.commands.runs.adapter_scoring import (
    leave_hub_alone,
    score_with_adapter,
    usable_base,
)
from workbench.commands.runs.trained_run import trained_run
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say
from workbench.console.progress import spinner
from workbench.rundir import folder as run_folder


@click.command()
@click.argument("texts", metavar="TEXT…", nargs=-1)
@click.option(
    "--file",
    "source",
    type=click.File("r", encoding="utf-8"),
    help="A file with more texts, one a line; `-` is the standard input.",
)
@click.option(
    "--run",
    "number",
    type=int,
    help="The run to ask (otherwise the promoted one, or the newest trained one).",
)
@common_options
@click.pass_obj
def classify(
    settings: Settings, texts: tuple[str, ...], source: TextIO | None, number: int | None
) -> None:
    """Label texts that are not in the workspace.

    A running engine is asked, which answers at once on the base that it holds; if it is busy for
    three seconds, or there is none, the base is loaded by this command.

    Example: workbench classify "yayyyy thats amazing broo"
    """
    texts = _texts_to_classify(texts, source)
    with settings.store() as store:
        run = _run_to_ask(store, number)
        folder = store.run_folder(run.id)
        with spinner(f"Asking run {run.id}…"):
            if run.kind == "baseline":
                from workbench.evaluation.baseline_scoring import baseline_score

                rows = baseline_score(folder)(texts)
            else:
                rows = score_with_adapter(folder, texts, store.config.base)
    folded = [run.fold(tuple(row)) for row in rows]
    answers: list[dict[str, Any]] = [
        {
            "text": text,
            "label": run.labels[max(range(len(row)), key=row.__getitem__)],
            "probabilities": dict(zip(run.labels, row, strict=True)),
            "run": run.id,
        }
        for text, row in zip(texts, folded, strict=True)
    ]
    if settings.as_json:
        print_json(answers[0] if len(answers) == 1 and source is None else answers)
        return
    for answer in answers:
        values = figures.probabilities(answer["probabilities"])
        say(f"{answer['label']}  ({values}; run {run.id} {run.recipe})")


def _texts_to_classify(given: tuple[str, ...], source: TextIO | None) -> tuple[str, ...]:
    """The texts of the command line and the lines of a file that have words in them."""
    if any(not text.strip() for text in given):
        raise UsageError("There is an empty text; give one with words in it to classify.")
    try:
        "".join(given).encode("utf-8")
        lines = () if source is None else tuple(line for line in source if line.strip())
    except UnicodeError:
        raise UsageError("A text is not in UTF-8; give it in that encoding.") from None
    if not given and not lines:
        raise UsageError("There is no text to classify; give one, or a file with --file.")
    return given + tuple(line.rstrip("\r\n") for line in lines)


def _run_to_ask(store: Store, number: int | None) -> runs.Run:
    from workbench.runs.collecting import collect

    collect(store)
    number = promoted_run(store) if number is None else number
    if number is not None and runs.get(store, number).kind == "baseline":
        return runs.get(store, number)
    if number is None and not any(
        r.kind == "qlora" and r.state == "done" for r in runs.every(store, metrics=False)
    ):
        return runs.latest(store, ("qlora", "baseline"))
    return trained_run(store, number)


def _split_run_and_folder(named: Sequence[str]) -> tuple[int | None, Path]:
    """The number of the run, if one is given, and the folder in [RUN] DIR."""
    *before, folder = named
    if len(before) > 1 or not all(word.isdecimal() for word in before):
        raise UsageError("Give the number of a run, if any, and a folder.")
    return (int(before[0]) if before else None), Path(folder)


@click.command("export-adapter")
@click.argument("named", metavar="[RUN] DIR", nargs=-1, required=True)
@click.option("--merge", is_flag=True, help="A whole model instead of an adapter.")
@common_options
@click.pass_obj
def export_adapter(settings: Settings, named: tuple[str, ...], merge: bool) -> None:
    """Write a run's adapter, or the model with it merged in, for plain transformers and peft.

    It is read back and asked about three tweets before it is there under its name. Without RUN it
    is the promoted run, or else the newest trained one.

    Example: workbench export-adapter 3 ./model --merge
    """
    wanted, folder = _split_run_and_folder(named)
    with settings.store() as store:
        run = trained_run(store, promoted_run(store) if wanted is None else wanted)
        path, number, known_base = store.run_folder(run.id), run.id, store.config.base
        definitions = store.config.definitions
    job = run_folder.read_job(path)
    base = usable_base(job, known_base)
    leave_hub_alone(base)
    from workbench.modeling.export.export import export_model

    with settings.user_umask(), spinner(f"Writing run {number}…"):
        texts = _some_texts(path)
        adapter = path / run_folder.ADAPTER
        export_model(adapter, folder, merge, base, job.trust_remote_code, texts, definitions)
    if settings.as_json:
        print_json({"run": number, "folder": str(folder.resolve()), "merged": merge})
    else:
        say(f"Wrote {'the merged model' if merge else 'the adapter'} of run {number} to {folder}.")


def _some_texts(path: Path) -> list[str]:
    """Three tweets that a run was asked about; none if its folder has lost them."""
    from workbench.rundir import tables

    try:
        _, texts = next(tables.read_windows(path / run_folder.PREDICT), ([], []))
    except UserError:
        return []
    return [*texts[:3]]


COMMANDS = (classify, export_adapter)
