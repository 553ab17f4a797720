"""Wrong use and broken surroundings: one sentence, the right status, and nothing lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench import cli as command_line


def one_sentence(result, status):
    """A single line on stderr that starts with the name of the program; a caret may follow."""
    assert result.status == status, (result.status, result.out, result.err)
    first, *rest = result.err.splitlines()
    assert first.startswith("workbench: ")
    assert first.endswith((".", "?", "`.")), first
    assert "Traceback" not in result.err
    assert "Unexpected" not in first
    assert "⏎" not in first
    if rest:
        shown, caret = rest
        assert caret.strip() == "^"
        assert caret.index("^") <= len(shown)
    return first


def content(folder):
    db = sqlite3.connect(folder / "workbench.db")
    try:
        return list(db.iterdump()), (folder / "workbench.toml").read_text()
    finally:
        db.close()


BIG = "9" * 30
WRONG = [
    (("show", "9999"), 1, "no tweet 9999; the ids run from 1 to 720"),
    (("show", BIG), 1, "no tweet 999"),
    (("show", "x"), 2, "'x' is not a valid integer"),
    (("show",), 2, "Name the tweet by its id"),
    (("history", "9999"), 1, "no tweet 9999"),
    (("history", "--limit", BIG), 2, ""),
    (("label", "9999", "positive"), 1, "no tweet 9999"),
    (("label", "1", "bullish"), 2, "'bullish' is not a label of this workspace (labels: positive"),
    (("label", "1"), 2, ""),
    (("evaluate", "9"), 1, "no run 9; see `workbench runs` (newest: 1)"),
    (("evaluate", BIG), 1, "no run 999"),
    (("evaluate", "--split", "half"), 2, "'half' is not one of 'train', 'dev', 'test'"),
    (("evaluate", "--split", "dev"), 1, "Run 1 has no predictions for labelled dev tweets"),
    (("logs", "9"), 1, "no run 9"),
    (("stop", "9"), 1, "no run 9"),
    (("resume", "9"), 1, "no run 9"),
    (("suspects", "--run", "9"), 1, "no run 9"),
    (("suspects", "--limit", "0"), 2, "0 is not in the range"),
    (("list", "--run", "9"), 1, "no run 9"),
    (("list", "--run", BIG), 1, "no run 999"),
    (("list", "run:9"), 1, "no run 9"),
    (("list", "--sort", "size"), 2, "'size' is not an order (known: id"),
    (("list", "--limit", "-1"), 2, "-1 is not in the range"),
    (("list", "label:bullish"), 2, "no label called 'bullish'"),
    (("list", "(moon"), 2, "a bracket that is not closed at column 1"),
    (("list", "a \udcff"), 2, ""),
    (("list", "a " * 999), 0, ""),
    (("export", "out.xlsx"), 2, "The format of out.xlsx is not known"),
    (("export", "/nowhere/at/all.csv"), 1, "There is no folder /nowhere/at; make it first"),
    (("export", "out.csv", "conf:high"), 2, "a number such as >3"),
    (("backup", "/nowhere/at/all.db"), 1, "There is no folder /nowhere/at; make it first"),
    (("import", "nothing.csv"), 1, "nothing.csv does not exist"),
    (("import", "workbench.toml", "--format", "csv", "--sheet", "a"), 2, "is for Excel workbooks"),
    (("import", "workbench.toml", "--format", "jsonl", "--delimiter", ";"), 2, "tables in text"),
    (("import",), 2, "Missing argument 'FILES...'"),
    (("import", "x.csv", "--map", "0"), 2, "--map takes pairs such as"),
    (("train", "--recipe", "slow"), 2, "'slow' is not a recipe (known: seed"),
    (("train", "--recipe", "fast", "--set", "lora.rank=3"), 2, "not a setting of this recipe"),
    (("train", "--recipe", "fast", "--base", "."), 1, "folder without a model"),
    (("train", "--recipe", "fast", "--base", "/nowhere"), 1, "There is no model folder /nowhere"),
    (("train", "--recipe", "fast", "--base", "./no"), 1, "There is no model folder ./no;"),
    (("engine",), 2, "Choose from: start, stop, status."),
    (("train", "--recipe", "baseline", "--predict", "label:"), 2, "no value after label:"),
    (("predict", "--base", "."), 1, "folder without a model"),
    (("predict", "--run", "1"), 1, "has no adapter; name a trained run"),
    (("predict", "--set", "lora.r=8"), 2, "--recipe and --set are for --base"),
    (("predict", "--run", "1", "--base", "."), 2, "Name either a run or a base"),
    (("predict",), 1, "no finished qlora run yet"),
    (("classify", "--run", "9", "text"), 1, "no run 9"),
    (("classify", "fine", " "), 2, "There is an empty text"),
    (("classify",), 2, "There is no text to classify"),
    (("classify", "fine", "\udc80"), 2, "A text is not in UTF-8"),
    (("classify", "--file", sys.executable), 2, "A text is not in UTF-8"),
    (("export", "workbench.toml", "--format", "csv"), 1, "is there already; name another file"),
    (
        ("init", "workbench.toml/new"),
        1,
        "workbench.toml is a file, so nothing can be written",
    ),
    (("demo", "--no-ui", "--dir", "."), 1, "is a workspace that the demo has not made"),
    (("demo", "--no-ui", "--dir", "runs"), 1, "is not an empty folder that the demo has not made"),
    (("export-adapter", "1", "out"), 1, "has no adapter"),
    (("init", "."), 1, "is a workspace already"),
    (("init", "other", "--labels", "up,UP"), 2, "given twice"),
    (("init", "other", "--base", "."), 1, "folder without a model"),
    (("nonsense",), 2, "No such command 'nonsense'"),
    (("lst",), 2, "No such command 'lst'"),
    (("list", "--colour"), 2, "No such option"),
    (("status", "-w", "/nowhere"), 1, "/nowhere is not a workspace; make one with"),
    (("redo",), 1, "There is nothing to redo"),
    (("undo",), 1, "There is nothing to undo"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_wrong_use_is_one_sentence_and_loses_nothing(
    arguments, status, message, trained, cli, monkeypatch
):
    monkeypatch.chdir(trained)
    cli("runs")  # so that there is nothing left to read in
    before = (content(trained), sorted(path.name for path in trained.rglob("*")))
    result = cli(*arguments)
    if status == 0:
        assert (result.status, result.err) == (0, "")
    else:
        assert message in one_sentence(result, status)
    assert (content(trained), sorted(path.name for path in trained.rglob("*"))) == before


def test_a_filter_error_shows_the_place(trained, cli):
    result = cli("list", "moon colour:red")
    one_sentence(result, 2)
    assert result.err.splitlines()[1:] == ["  moon colour:red", "       ^"]


def test_the_caret_of_a_long_filter_stays_in_sight(trained, cli):
    result = cli("list", "word " * 40 + "label:nope")
    one_sentence(result, 2)
    shown, caret = result.err.splitlines()[1:]
    assert len(shown) <= 80
    assert shown[caret.index("^") :].startswith("label:nope")


def test_the_caret_fits_a_filter_that_is_not_inert(trained, cli):
    result = cli("list", "\x1b[31m\u202emoon colour:red")
    one_sentence(result, 2)
    shown, caret = result.err.splitlines()[1:]
    assert shown[caret.index("^") :].startswith("colour:red")


def test_a_newer_workspace_is_refused(trained, cli):
    with sqlite3.connect(trained / "workbench.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = content(trained)
    assert "newer workbench (schema 99" in one_sentence(cli("status"), 1)
    assert content(trained) == before


@pytest.mark.parametrize("damage", ["text", "page"])
@pytest.mark.parametrize("command", ["status", "list", "check"])
def test_a_damaged_database_is_one_sentence(damage, command, trained, cli):
    path = trained / "workbench.db"
    whole = path.read_bytes()
    path.write_bytes(b"not a database" * 999 if damage == "text" else whole[:4096] + b"\xa5" * 9999)
    assert "is damaged" in one_sentence(cli(command), 1)


def test_settings_that_are_missing_or_wrong_are_one_sentence(trained, cli):
    path = trained / "workbench.toml"
    text = path.read_text()
    path.write_text(text + "colour = 3\n")
    assert "workbench.toml" in one_sentence(cli("status"), 1)
    path.unlink()
    assert "workbench.toml is missing" in one_sentence(cli("status"), 1)


def test_without_a_workspace_it_says_how_to_make_one(tmp_path, cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in (("status",), ("list",), ("import", "x.csv"), ()):
        assert "workbench init DIR" in one_sentence(cli(*arguments), 1)


def test_a_full_disk_is_one_sentence(trained, workbench):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "workbench", "list", "--jsonl"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_message(trained):
    command = f"{sys.executable} -m workbench list --jsonl | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_terminal_that_knows_no_emoji_still_lists(home, cli, write):
    cli("import", write("t.csv", "text,label\nup 🚀 we go é,positive\n"))
    for arguments in (("list",), ("show", "1"), ("list", "--json")):
        done = subprocess.run(
            [sys.executable, "-m", "workbench", *arguments],
            capture_output=True,
            check=False,
            text=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 0, done.stderr
        assert "up" in done.stdout


def test_debug_shows_the_traceback(trained, workbench):
    result = workbench("show", "9999", "--debug")
    assert result.status == 1
    assert "Traceback" in result.err


@pytest.fixture
def elsewhere(trained):
    """A copy of the workspace outside pytest's own folder, which only its owner can enter."""
    outside = Path(tempfile.mkdtemp())
    outside.chmod(0o755)
    yield Path(shutil.copytree(trained, outside / "workspace"))
    (outside / "workspace").chmod(0o755)
    shutil.rmtree(outside)


@pytest.fixture
def as_nobody(tmp_path, trained, cli):
    """Runs a command as a user who owns nothing here: in a child, for there is no way back."""
    for command in ("list", "evaluate"):
        cli(command)  # loads what the child may not read

    def run(*arguments):
        streams = [(tmp_path / name).open("w+") for name in ("out", "err")]
        child = os.fork()
        if child == 0:
            status = 99
            try:
                for number, stream in enumerate(streams, start=1):
                    os.dup2(stream.fileno(), number)
                sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
                if os.getuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                sys.argv = ["workbench", *map(str, arguments)]
                command_line.run()
                status = 0
            except SystemExit as end:
                status = end.code or 0
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for stream in streams:
            stream.close()
        out, err = ((tmp_path / name).read_text() for name in ("out", "err"))
        return SimpleNamespace(status=status, out=out, err=err)

    return run


def test_the_workspace_of_somebody_else_is_one_sentence(elsewhere, as_nobody):
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    for command in ("status", "list", "check"):
        result = as_nobody("-w", elsewhere, command)
        one_sentence(result, result.status)
        assert result.status in (1, 2)


READ_ONLY = "everything can be read and nothing changed."


@pytest.fixture
def locked(elsewhere):
    """A workspace that everybody may read and nobody may write."""
    for path in elsewhere.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    elsewhere.chmod(0o555)
    return elsewhere


@pytest.mark.parametrize("command", ["status", "runs", "check", "history", "evaluate", "suspects"])
def test_a_workspace_without_write_permission_can_be_read(command, locked, as_nobody):
    result = as_nobody("-w", locked, command)
    assert result.status == 0
    assert result.err == f"workbench: {locked} is read-only for you: {READ_ONLY}\n"


def test_what_cannot_be_written_is_named_as_the_user_named_it(elsewhere, as_nobody):
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    for path in (elsewhere, *elsewhere.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    closed = elsewhere.parent / "closed"
    closed.mkdir(mode=0o755)
    for arguments in (
        ("export", closed / "out.csv"),
        ("backup", closed / "out.db"),
        ("init", closed / "new"),
        ("export", closed / "set", "--format", "datasets"),
    ):
        sentence = one_sentence(as_nobody("-w", elsewhere, *arguments), 1)
        named = next(str(part) for part in arguments if isinstance(part, Path))
        assert f"workbench: {named} cannot be written, as you have no write permission" in sentence
    sentence = one_sentence(as_nobody("demo", "--no-ui", "--dir", closed / "new"), 1)
    assert f"workbench: {closed / 'new'} cannot be written" in sentence


def test_a_run_that_cannot_be_prepared_leaves_nothing_behind(elsewhere, as_nobody):
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    for path in (elsewhere, *elsewhere.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (elsewhere / "runs").chmod(0o755)
    before = content(elsewhere)
    result = as_nobody("-w", elsewhere, "train", "--recipe", "baseline")
    assert "no write permission for" in one_sentence(result, 1)
    assert content(elsewhere) == before
    assert [path.name for path in (elsewhere / "runs").glob("[!.]*")] == ["1"]


def test_labels_that_left_the_set_are_named(trained, cli):
    path = trained / "workbench.toml"
    text = path.read_text()
    path.write_text(text.replace('labels = ["positive", "negative"]', 'labels = ["up", "down"]'))
    told = cli("status").out
    assert "labels that are not in workbench.toml" in told and " positive" in told
    sentence = one_sentence(cli("train", "--recipe", "baseline"), 1)
    assert "are not those of workbench.toml (up, down)" in sentence


@pytest.mark.parametrize(
    ("content", "named", "advice"),
    [
        (
            "für uns 🚀 ja \x81 nein".encode(),
            "cp1252",
            "it looks like utf-8, so leave --encoding out.",
        ),
        ("für uns".encode("cp1252"), "utf-8", "it looks like cp1252, so leave --encoding out."),
        ("für uns".encode(), "ascii", "it looks like utf-8, so leave --encoding out."),
        (b"up \x81 now", "cp1252", "correct the file, or name another encoding with --encoding."),
    ],
)
def test_the_advice_on_an_encoding_is_another_one(content, named, advice, home, cli, write):
    path = write("t.csv", b"text,label\n" + content + b",positive\n")
    sentence = one_sentence(cli("import", path, "--encoding", named), 1)
    assert f"is not {named} text" in sentence and sentence.endswith(advice)


def test_codes_are_named_in_the_order_of_numbers(cli, write, tmp_path):
    rows = "".join(f"tweet number {n} of them,{n % 12}\n" for n in range(30))
    path = write("codes.csv", f"text,label\n{rows}")
    cli("init", tmp_path / "codes")
    sentence = one_sentence(cli("-w", tmp_path / "codes", "import", path), 2)
    assert "--map 0=NAME,1=NAME,2=NAME," in sentence and ",9=NAME,10=NAME,11=NAME." in sentence


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("command", [("train", "--recipe", "tiny"), ("predict",)])
def test_half_a_base_is_refused_before_there_is_a_run(
    missing, command, trained, cli, tmp_path, repository
):
    base = Path(shutil.copytree(repository / "sample_data" / "base", tmp_path / "base"))
    (base / missing).unlink()
    cli("runs")
    before = (content(trained), sorted(path.name for path in trained.rglob("*")))
    sentence = one_sentence(cli(*command, "--base", base), 1)
    assert f"workbench: {base} " in sentence
    assert (content(trained), sorted(path.name for path in trained.rglob("*"))) == before


def test_the_columns_of_the_seed_format_are_those_of_the_file(home, cli, write):
    path = write("seed.json", '{"text": "### Human: up we go\\n### Assistant: Positive"}\n')
    report = cli("import", path, "--json").json
    assert report["columns"] == {"text": "text", "label": "### Assistant"}
    assert report["labels"] == {"positive": 1}


def test_what_writes_only_files_refuses_standard_output(home, cli, write, tmp_path, monkeypatch):
    monkeypatch.chdir(home)
    wrong = write("wrong.csv", "text,label\n,positive\n")
    for command in (
        ("backup", "-"),
        ("dynamics", 1, "--cartography", "-"),
        ("import", "--on-error", "collect", "-", wrong),
        ("import", "--on-error=collect=-", wrong),
    ):
        sentence = one_sentence(cli(*command), 2)
        assert "name a file" in sentence or "takes refuse, skip, or collect" in sentence
    assert not (home / "-").exists()


def test_export_replaces_a_file_only_when_told_to(trained, cli, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("mine")
    assert "--force" in one_sentence(cli("export", path), 1)
    assert path.read_text() == "mine"
    assert cli("export", path, "--force").status == 0
    assert path.read_text().startswith("id,")


def test_a_workspace_without_write_permission_is_not_changed(locked, as_nobody):
    before = content(locked)
    listed = as_nobody("-w", locked, "list", "--jsonl")
    assert listed.status == 0, listed.err
    assert len(listed.out.splitlines()) == 720
    data = locked.parent / "more.csv"
    data.write_text("text,label\nup we go now,positive\n")
    for arguments in (
        ("label", "1", "positive"),
        ("import", data),
        ("train", "--recipe", "baseline"),
    ):
        assert "read-only for you" in one_sentence(as_nobody("-w", locked, *arguments), 1)
    assert content(locked) == before
