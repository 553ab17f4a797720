"""What each command does and prints, and the fields that docs/scripts.md promises to scripts."""

from __future__ import annotations

import json
import re
import sqlite3
from importlib import import_module

import click
import pytest
from json_fields import EVENT, IMPORT, METRICS, RANKED, RUN, STATUS, TWEET
from rich.cells import cell_len

from workbench import cli as command_line
from workbench.cli import main
from workbench.console.command_groups import GROUPS


def ok(result):
    assert result.status == 0, result.err
    return result


def test_import_says_what_it_guessed_and_did(home, cli, write):
    path = write("t.csv", "id,Body,Sentiment\n7,up we go now,positive\n8,down it goes,negative\n")
    report = ok(cli("import", path, "--json")).json
    assert report.keys() >= IMPORT
    assert report["columns"] == {"text": "Body", "label": "Sentiment", "id": "id"}
    assert (report["read"], report["added"]) == (2, 2)
    again = ok(cli("import", path))
    assert "text = 'Body', label = 'Sentiment', id = 'id'" in again.out
    assert "2 rows read, 0 added, 2 there already." in again.out


def test_several_files_are_imported_in_one_go(home, cli, write):
    paths = [write(f"{n}.csv", f"text,label\nup we go {n},positive\n") for n in (1, 2)]
    reports = ok(cli("import", *paths, "--json")).json
    assert [report["added"] for report in reports] == [1, 1]


def test_an_import_makes_the_workspace_that_it_is_told_to_use(tmp_path, cli, write):
    path = write("t.csv", "text,label\nup we go,bullish\ndown it goes,bearish\n")
    ok(cli("import", path, "-w", tmp_path / "new"))
    assert ok(cli("status", "-w", tmp_path / "new", "--json")).json["tweets"] == 2
    ok(cli("label", "1", "BEARISH", "-w", tmp_path / "new"))


def test_a_dry_run_makes_no_workspace(tmp_path, cli, write):
    path = write("t.csv", "text,label\nup we go,positive\n")
    result = cli("import", path, "-w", tmp_path / "new", "--dry-run")
    assert not (tmp_path / "new").exists()
    assert result.status in (0, 1)


def test_a_file_that_cannot_be_read_makes_no_workspace(tmp_path, cli):
    result = cli("import", tmp_path / "nothing.csv", "-w", tmp_path / "new")
    assert result.status == 1
    assert not (tmp_path / "new").exists()


def test_label_codes_are_mapped(home, cli, write):
    path = write("t.csv", "text,label\nup we go,1\ndown it goes,0\n")
    assert cli("import", path).status == 2
    ok(cli("import", path, "--map", "1=positive, 0=negative"))
    assert [t["label"] for t in ok(cli("list", "--json")).json] == ["positive", "negative"]


def test_status_counts(trained, cli):
    ok(cli("label", "1", "positive" if label(cli, 1) == "negative" else "negative"))
    ok(cli("label", "2", "none"))
    ok(cli("undo"))
    status = ok(cli("status", "--json")).json
    assert status.keys() >= STATUS
    assert (status["tweets"], status["labelled"], status["corrected"]) == (720, 720, 1)
    assert (status["undone"], status["runs"]) == (1, 1)
    assert sum(status["labels"].values()) == 720
    assert "720" in ok(cli("status")).out


def label(cli, number):
    return ok(cli("show", number, "--json")).json["label"]


def test_list_prints_one_array_or_one_object_a_line(trained, cli):
    rows = ok(cli("list", "id:<4", "--json")).json
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert all(row.keys() == TWEET for row in rows)
    lines = ok(cli("list", "id:<4", "--jsonl")).out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert len(ok(cli("list", "--json")).json) == 720
    assert len(ok(cli("list", "--json", "--limit", "5")).json) == 5
    assert ok(cli("list", "id:>9999", "--json")).json == []
    table = ok(cli("list", "id:<4"))
    assert "3 of 3 tweets; predictions of run 1 baseline." in table.out


def test_list_and_suspects_give_each_tweet_a_line(trained, cli):
    for command in (("list", "--limit", "30"), ("suspects", "--limit", "30", "--no-why")):
        heading, *rows, _ = ok(cli(*command)).out.splitlines()
        assert len(rows) == 30 and heading.split()[-1] == "text"
        assert max(map(cell_len, rows)) <= 120
        assert any(row.rstrip().endswith("…") for row in rows)
        wrapped = ok(cli(*command, "--wrap")).out
        assert len(wrapped.splitlines()) > 32 and wrapped.count("…") < 3  # some are the tweets' own


def test_what_was_kept_is_counted_and_marked(trained, cli):
    label = ok(cli("show", "7", "--json")).json["label"]
    ok(cli("label", "7", label))
    assert ok(cli("status", "--json")).json["reviewed"] == 1
    row = ok(cli("list", "reviewed:yes")).out.splitlines()[1]
    assert {"k", "k!"} & set(row.split())


def test_list_takes_the_order_and_the_run(trained, cli):
    rows = ok(cli("list", "--sort", "confidence", "--json", "--run", "1")).json
    confidences = [row["confidence"] for row in rows]
    assert confidences == sorted(confidences)
    assert {row["run"] for row in rows} == {1}
    assert {row["in_sample"] for row in rows} == {False}
    assert cli("list", "--run", "1").out == cli("list", "run:1").out


def test_show_has_everything_about_a_tweet(trained, cli):
    shown = ok(cli("show", "3", "--json")).json
    assert shown.keys() >= TWEET | {"note", "source", "duplicates", "predictions", "history"}
    (prediction,) = shown["predictions"]
    assert prediction["run"] == 1
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)
    assert shown["history"][0]["kind"] == "gold import"
    plain = ok(cli("show", "3")).out
    assert shown["text"].splitlines()[0] in plain
    assert "run 1 baseline" in plain


def test_label_undo_redo_and_history(trained, cli):
    before = label(cli, 1)
    other = "positive" if before == "negative" else "negative"
    done = ok(cli("label", "1", other.upper(), "--json")).json
    assert (done["tweets"], done["skipped"]) == ([1], 0)
    assert label(cli, 1) == other
    assert ok(cli("undo")).out == "Took back the change of tweet 1.\n"
    assert label(cli, 1) == before
    ok(cli("redo", "--json"))
    assert label(cli, 1) == other
    events = ok(cli("history", "1", "--json")).json
    assert all(event.keys() >= EVENT for event in events)
    assert [event["kind"] for event in events] == ["gold import", "set", "undo", "redo"]
    assert {event["annotator"] for event in events} == {"ana"}
    assert events[1]["run"] == 1
    assert len(ok(cli("history", "--json", "--limit", "2")).json) == 2
    assert "redo" in ok(cli("history")).out


def test_several_tweets_are_one_step(trained, cli):
    before = [label(cli, n) for n in (1, 2, 3)]
    ok(cli("label", "1", "2", "3", "none"))
    assert [label(cli, n) for n in (1, 2, 3)] == [None] * 3
    ok(cli("undo"))
    assert [label(cli, n) for n in (1, 2, 3)] == before


def test_one_bad_number_among_several_changes_nothing(trained, cli):
    before = ok(cli("list", "--jsonl")).out
    assert cli("label", "1", "2", "9999", "none").status == 1
    assert ok(cli("list", "--jsonl")).out == before


def test_the_annotator_can_be_named(trained, cli):
    ok(cli("label", "1", "negative", "--annotator", "ben"))
    assert ok(cli("history", "1", "--json")).json[-1]["annotator"] == "ben"
    assert cli("undo").err == "workbench: There is nothing to undo.\n"
    ok(cli("undo", "--annotator", "ben"))


def test_runs_and_evaluate(trained, cli):
    (run,) = ok(cli("runs", "--json")).json
    assert run.keys() >= RUN
    assert (run["id"], run["kind"], run["state"]) == (1, "baseline", "done")
    assert all(values.keys() >= METRICS for values in run["metrics"].values())
    assert run["metrics"].keys() == {"train", "test"}
    report = ok(cli("evaluate", "--json")).json
    assert (report["run"], report["split"]) == (1, "test")
    for name in METRICS:
        assert report[name] == run["metrics"]["test"][name]
    assert sum(map(sum, report["confusion"])) == report["n"]
    plain = ok(cli("evaluate", "1", "--split", "train")).out
    assert "Confusion matrix" in plain
    assert "accuracy" in ok(cli("runs")).out


def test_suspects_are_tweets_in_rank_order(trained, cli):
    rows = ok(cli("suspects", "--limit", "30", "--json")).json
    assert len(rows) == 30
    assert all(row.keys() >= TWEET | RANKED for row in rows)
    assert [row["rank"] for row in rows] == list(range(1, 31))
    assert [row["score"] for row in rows] == sorted((r["score"] for r in rows), reverse=True)
    assert {row["source"] for row in rows} == {"run 1 baseline"}
    assert "By run 1 baseline, similar texts." in ok(cli("suspects")).out


def test_the_planted_errors_come_early(trained, cli, repository, read_csv):
    planted = {row["id"] for row in read_csv(repository / "sample_data" / "planted_errors.csv")}
    rows = ok(cli("suspects", "--limit", "100", "--json")).json
    found = sum(row["external_id"] in planted for row in rows)
    by_chance = 100 * len(planted) / 720
    assert found > 2 * by_chance


def test_classify_asks_the_baseline_when_nothing_else_is_there(trained, cli, tmp_path):
    answer = ok(cli("classify", "great gains, bullish", "--json")).json
    assert answer.keys() == {"text", "label", "probabilities", "run"}
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    several = ok(cli("classify", "great gains", "heavy losses", "--run", "1", "--json")).json
    assert [row["text"] for row in several] == ["great gains", "heavy losses"]
    assert "run 1 baseline" in ok(cli("classify", "great gains")).out
    (file := tmp_path / "one.txt").write_text("great gains\n\n", "utf-8")
    assert ok(cli("classify", "--file", file, "--json")).json == several[:1]


def test_logs_of_a_run(trained, cli):
    assert "predicting" in ok(cli("logs", "1")).out
    lines = ok(cli("logs", "1", "--json")).out.splitlines()
    assert json.loads(lines[0])["event"] == "phase"


def test_export_backup_and_check(trained, cli, tmp_path, read_csv):
    assert ok(cli("export", tmp_path / "o.csv", "split:test", "--json")).json["written"] == 136
    assert len(read_csv(tmp_path / "o.csv")) == 136
    ok(cli("backup", tmp_path / "copy.db"))
    assert (tmp_path / "copy.db").stat().st_size
    assert ok(cli("check", "--json")).json == {"ok": True, "problems": []}
    assert ok(cli("check")).out == "The store is sound.\n"


def test_check_fails_on_a_store_that_is_not_sound(trained, cli):
    with sqlite3.connect(trained / "workbench.db") as db:
        db.execute("UPDATE counts SET value = 3 WHERE name = 'tweets'")
    result = cli("check", "--json")
    assert result.json["problems"] == ["The count of tweets is 3, but there are 720."]
    assert result.status == 1
    assert cli("check").status == 1


@pytest.mark.models
def test_doctor_describes_the_machine(trained, cli):
    values = ok(cli("doctor", "--json", "-w", trained)).json
    assert values["workspace_mode"] == "0700"
    assert values["disk_free_gib"] > 0
    trained.chmod(0o755)
    assert "others can get in" in ok(cli("doctor", "-w", trained)).out


def test_a_stop_or_resume_of_a_run_that_is_done_is_refused(trained, cli):
    assert cli("stop", "1").err == "workbench: Run 1 is not running (it is done).\n"
    assert cli("resume", "1").err == "workbench: Run 1 is done; there is nothing to resume.\n"
    assert ok(cli("runs", "--json")).json[0]["state"] == "done"


def test_common_options_stand_before_or_after_the_command(trained, cli, tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.chdir(tmp_path)
    assert cli("status").status == 1
    before = ok(cli("-w", trained, "--json", "status")).json
    assert before == ok(cli("status", "--json", "-w", trained)).json
    monkeypatch.chdir(trained / "runs" / "1")
    assert ok(cli("status", "--json")).json == before


# Help and documentation


CONTEXT = click.Context(main)
COMMANDS = main.list_commands(CONTEXT)


def test_the_commands_of_the_contract_are_there():
    promised = (
        "demo init import status doctor list show label undo redo history suspects train predict "
        "classify runs evaluate stop resume logs export export-adapter backup check "
        "snapshot snapshots diff restore agreement"
    )
    assert set(promised.split()) <= set(COMMANDS)


@pytest.mark.parametrize("module", command_line.COMMANDS)
def test_no_command_of_a_module_is_left_out(module):
    found = import_module(f"workbench.commands.{module}").COMMANDS
    assert {command.name for command in found} == set(command_line.COMMANDS[module])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name, cli):
    result = ok(cli(name, "--help"))
    assert f"Example: workbench {name}" in " ".join(result.out.split())
    assert "--json" in result.out
    assert result.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name):
    for parameter in main.get_command(CONTEXT, name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.name in ("split", "limit"), parameter.name


def test_every_command_is_in_one_group_of_the_help(cli):
    grouped = [name for commands in GROUPS.values() for name in commands]
    known = [name for names in command_line.COMMANDS.values() for name in names]
    assert sorted(grouped) == sorted(known)
    printed = ok(cli("--help")).out
    heads = re.findall(r"^(\w+):$", printed, re.MULTILINE)
    assert heads == ["Options", "Start", "Review", "Train", "Runs", "Files", "Safety"]
    listed = re.findall(r"^  ([a-z-]+)  +\S", printed.partition("Start:")[2], re.MULTILINE)
    assert listed == grouped


def test_the_help_says_in_one_line_what_each_command_does(cli):
    lines = ok(cli("--help")).out.partition("Start:")[2].splitlines()
    for does in (does for commands in GROUPS.values() for does in commands.values()):
        assert any(line.endswith(f"  {does}") for line in lines), does
