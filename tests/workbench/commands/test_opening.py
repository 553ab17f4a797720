"""A file that is opened as it is: its workspace, what is refused, what `workbench` alone does."""

import os

import pytest

from storage.history import labels
from storage.store import DATABASE, open_store, set_labels
from storage.transfer import importing
from workbench import opened_files, opened_mark
from workbench.commands import first_screen, opening, screen
from workbench.opened_files import OpenedFile
from workbench.opened_mark import TakenFile
from workbench.tui import last_view
from workbench.tui.last_view import View
from workbench.tui.reviewing.opening import description
from workbench.tui.reviewing.sources import first_kind
from workbench.tui.widgets import path_completion
from workbench.tui.widgets.path_completion import Completions, completions

ROWS = "text,label\nup we go,positive\ndown we go,negative\n"


@pytest.fixture
def tweets(tmp_path):
    path = tmp_path / "tweets.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def screens(monkeypatch):
    """What would have been shown, in the place of a terminal."""
    shown = []

    def show(settings, mouse=True, place="browse", file=None):
        shown.append((settings.workspace, place, file))

    for module in (opening, first_screen):
        monkeypatch.setattr(module, "open_screen", show)
    monkeypatch.setattr(opening, "require_terminal", lambda: None)
    return shown


@pytest.mark.parametrize("command", [("open",), ()])
def test_a_file_gets_a_workspace_beside_it_and_finds_it_again(
    command, tweets, screens, cli, monkeypatch
):
    monkeypatch.chdir(tweets.parent)
    folder = tweets.with_name("tweets.csv.workbench")
    assert cli(*command, "tweets.csv").status == 0
    assert screens == [(folder, "queue", OpenedFile(tweets))]
    assert (folder / DATABASE).is_file()
    assert opened_mark.file_of(folder) == tweets
    cli(*command, "tweets.csv")
    assert screens[1] == screens[0], "nothing has been taken in yet"
    cli("--workspace", folder, "import", tweets)
    cli(*command, "tweets.csv")
    assert screens[2] == (folder, "queue", None), "nothing is taken in again"
    last_view.remember(folder, View("runs"))
    cli(*command, "tweets.csv")
    assert screens[3] == (folder, "", None), "it begins where it was left"
    assert opened_mark.changed_file(folder) is None
    tweets.write_text(ROWS + "more,positive\n")
    assert opened_mark.changed_file(folder) == TakenFile(tweets, ())
    cli("--workspace", folder, "import", tweets, "--dry-run")
    assert opened_mark.changed_file(folder) is not None
    cli("--workspace", folder, "import", tweets)
    assert opened_mark.changed_file(folder) is None, "it has been taken in"


def test_codes_and_columns_are_named_by_options(tweets, screens, cli):
    cli("open", str(tweets), "--label", "label", "--map", "0=bad,1=good")
    file = screens[0][2]
    assert file == OpenedFile(tweets, None, "label", "0=bad,1=good")
    assert file.options == ["--label", "label", "--map", "0=bad,1=good"]


def test_options_are_not_passed_over_where_a_file_has_been_taken_in(tweets, screens, cli):
    folder = opened_files.workspace_of(tweets)
    cli("open", str(tweets), "--map", "0=bad")
    chosen = ("--label", "label")
    cli("open", str(tweets), *chosen)
    cli("--workspace", folder, "import", tweets, *chosen)
    tweets.write_text(ROWS + "more,positive\n")
    assert opened_mark.changed_file(folder) == TakenFile(tweets, chosen), "not those of the failure"
    for same in ((), chosen):
        assert cli("open", str(tweets), *same).status == 0
    refused = cli("open", str(tweets), "--text", "label")
    assert (refused.status, "taken in already" in refused.err) == (1, True)
    assert len(screens) == 4


def test_workbench_alone_asks_for_a_file_only_where_there_is_no_workspace(
    tweets, screens, cli, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("workbench.tui.terminal.terminal_problem", lambda: None)
    monkeypatch.setattr("workbench.tui.first_app.FirstApp.run", lambda self, mouse: tweets)
    assert cli().status == 0
    folder = opened_files.workspace_of(tweets)
    assert screens == [(folder, "queue", OpenedFile(tweets))]
    monkeypatch.chdir(folder)
    cli()
    assert screens[1] == (None, "browse", None)
    assert cli("--workspace", tmp_path / "none").status == 1


def test_a_workspace_that_is_named_is_opened(tweets, screens, cli):
    folder = tweets.with_name("made")
    opened_files.make_workspace(folder, OpenedFile(tweets), "ana")
    cli("open", str(folder))
    assert screens == [(folder, "queue", None)]


def test_where_nothing_can_be_written_the_workspace_is_among_the_users_data(
    tweets, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    folder = opened_files.workspace_of(tweets)
    assert folder.parent == tmp_path / "data" / "workbench"
    assert folder.name.startswith("tweets.csv-")


def test_what_is_no_file_of_tweets_is_refused_in_a_sentence(tmp_path, screens, cli):
    model, log = tmp_path / "model", tmp_path / "train.log"
    model.mkdir()
    (model / "config.json").write_text("{}")
    weights = model / "model.safetensors"
    weights.write_bytes(b"\x08")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    large, large_log = tmp_path / "large.csv", tmp_path / "large.log"
    zeros = tmp_path / "zeros.csv"
    for path in (large, large_log, zeros):
        path.write_bytes(b"" if path == zeros else b"text,label\n")
        os.truncate(path, 4 * 2**30)
    log.write_text("a line\n")
    for path, said in (
        (tmp_path, "is a folder; name the file of tweets in it"),
        (model, f"is a model; `workbench train --base {model}`"),
        (model / "config.json", f"is part of a model; `workbench train --base {model}`"),
        (adapter, "is an adapter of a model; name the file of tweets that it is for"),
        (zeros, "begins with zeros instead of text"),
        (weights, "it is part of a model, whose folder `workbench train --base` takes"),
        (large, "has 4.0 GiB, which is too much to open at once"),
        (large_log, "is not of a known kind"),
        (log, "an import with --format says what it holds"),
        (tmp_path / "nowhere.csv", "does not exist"),
    ):
        result = cli("open", str(path))
        assert result.status == 1
        assert said in " ".join(result.err.split()), path
    assert screens == []
    assert not list(tmp_path.glob("*.workbench"))


def test_a_word_that_is_neither_command_nor_file_is_a_wrong_command(cli):
    result = cli("sugest")
    assert result.status == 2
    assert "sugest" in result.err


def test_a_workspace_is_made_anew_only_while_nobody_has_decided_anything(tweets):
    folder = opened_files.workspace_of(tweets)
    opened_files.make_workspace(folder, OpenedFile(tweets), "ana")
    opened_files.discard(folder)
    assert not folder.exists()
    opened_files.make_workspace(folder, OpenedFile(tweets), "ana")
    store = open_store(folder, "ana")
    store = set_labels(store, ("positive", "negative"))
    importing.run(store, importing.plan(store.config, tweets, importing.ImportOptions()))
    labels.assign(store, [1], "negative")
    store.close()
    with pytest.raises(Exception, match="Somebody has decided"):
        opened_files.discard(folder)
    (folder / opened_mark.NAME).unlink()
    with pytest.raises(Exception, match="not made for a file"):
        opened_files.discard(folder)


def test_the_columns_are_named_with_what_is_in_them(tweets):
    assert opened_files.columns(tweets) == [("text", "up we go"), ("label", "positive")]


def test_what_columns_were_taken_for_is_said():
    report = {"columns": {"text": "body", "label": "mood"}, "labels": {"bad": 2, "good": 3}}
    assert description(report) == "texts are “body”, labels “mood” (3 good, 2 bad)"
    without = {"columns": {"text": "body"}, "labels": {}}
    assert description(without) == "texts are “body”, no column of labels was found"
    assert description(report | {"labels": {}}) == "texts are “body”, no label in “mood”"
    people = {"columns": {"text": "body", "judgements": ["ana", "ben"]}}
    theirs = "texts are “body”, “ana”, “ben” are annotators, "
    assert description(report | people) == f"{theirs}labels (3 good, 2 bad)"
    assert description(report | people | {"labels": {}}) == f"{theirs}no label is theirs"


def test_tweets_without_a_label_are_gone_through_by_lot(tmp_path, write, cli):
    home = ("-w", tmp_path / "home")
    cli("init", tmp_path / "home")
    for step, kind in (
        (("status",), "suspects"),
        (("import", write("t.csv", "text\nup we go\ndown we go\n")), "random"),
        (("labels", "add", "good", "bad"), "random"),
        (("label", 1, "good"), "suspects"),
    ):
        assert cli(*home, *step).status == 0
        store = open_store(tmp_path / "home")
        assert first_kind(store) == kind, step
        store.close()
    assert cli(*home, "undo").status == cli(*home, "undo").status == 0
    assert cli(*home, "labels", "--json").json == [], "both were one step"


def test_paths_are_completed_as_far_as_there_is_one_way(tmp_path):
    for name in ("tweets.csv", "tweets-old.csv", ".hidden.csv"):
        (tmp_path / name).touch()
    (tmp_path / "twofold").mkdir()
    start = f"{tmp_path}/t"
    assert completions(start).paths == [
        f"{tmp_path}/{name}" for name in ("tweets-old.csv", "tweets.csv", "twofold/")
    ]
    assert completions(start).completed(start) == f"{tmp_path}/tw"
    assert completions(f"{tmp_path}/.").paths == [f"{tmp_path}/.hidden.csv"]
    assert Completions().completed("x") == "x"
    assert completions("/nowhere/at/all") == Completions()


def test_where_not_all_paths_are_named_it_is_said_how_many_more_there_are(tmp_path, monkeypatch):
    for number in range(5):
        (tmp_path / f"base{number}").mkdir()
    typed = f"{tmp_path}/base"
    found = completions(typed)
    assert found.in_lines(5) == [f"{typed}{number}/" for number in range(5)]
    assert found.in_lines(3) == [f"{typed}0/", f"{typed}1/", "and 3 more"]
    assert found.in_one_line(80) == "base0/  base1/  base2/  base3/  base4/"
    assert found.in_one_line(30) == "base0/  base1/  and 3 more"
    assert found.in_one_line(3) == "and 5 more", "never nothing"
    many = Completions([f"{number}/" for number in range(50_000)])
    assert many.in_one_line(20) == "0/  and 49,999 more", "looked at as far as there is room"
    monkeypatch.setattr(path_completion, "MOST_ENTRIES", 2)
    found = completions(typed)
    assert found.in_lines(5)[-1] == "and more: 2 entries of the folder were looked at"
    assert found.completed(typed) == typed, "others may begin otherwise"


def test_the_screen_starts_anew_with_other_columns(tweets, monkeypatch, cli):
    folder = opened_files.workspace_of(tweets)
    began = []

    class App:
        problem, return_code = None, 0

        def __init__(self, folder, annotator, place, file):
            began.append(file)
            self.other_columns = OpenedFile(tweets, "label", "text") if len(began) == 1 else None

        def run(self, mouse):
            assert (folder / DATABASE).is_file()

    monkeypatch.setattr("workbench.tui.app.WorkbenchApp", App)
    monkeypatch.setattr(opening, "require_terminal", lambda: None)
    monkeypatch.setattr(screen, "require_terminal", lambda: None)
    assert cli("open", str(tweets)).status == 0
    assert began == [OpenedFile(tweets), OpenedFile(tweets, "label", "text")]
