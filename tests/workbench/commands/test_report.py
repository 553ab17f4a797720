"""The data card: what it says, and what of names from outside reaches it."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workbench.console.markdown import plain, table


def test_an_empty_workspace_has_a_report(home, cli):
    found = cli("report")
    assert found.status == 0
    assert found.out.startswith("# Labels of home\n")
    assert "There are none yet." in found.out
    assert cli("report", "--json").json["runs"] == []
    assert cli("report", "-").out == found.out
    assert not (Path("-").exists() or (home / "-").exists())


def test_the_report_counts_what_happened_and_has_no_text(home, cli, write, tmp_path):
    rows = [
        {"text": f"secret {n} of {n * 7}", "label": ("positive", "negative")[n % 2]}
        for n in range(12)
    ]
    cli("import", write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))
    toml = home / "workbench.toml"
    told = "\npositive = 'a gain | is expected'\n"
    settings = toml.read_text("utf-8").replace("\n[examples]", f"{told}\n[examples]")
    toml.write_text(settings, "utf-8")
    cli("label", 1, "negative")
    cli("label", 3, "negative")
    cli("keep", 2)
    path = tmp_path / "card.md"
    assert cli("report", path).out == f"Written to {path}.\n"
    text = path.read_text()
    assert "| positive | negative | 2 |" in text
    assert "| corrected | 2 |" in text
    assert "| positive | a gain \\| is expected | 6 | 4 |" in text
    assert "| rows.jsonl |" in text
    assert "secret" not in text
    assert "| Python | 3." in text
    refused = cli("report", path)
    assert (refused.status, "--force" in refused.err) == (1, True)
    assert cli("report", path, "--force").status == 0
    card = cli("report", "--json").json
    assert card["errors"]["changes"] == [{"gold": "positive", "label": "negative", "tweets": 2}]
    assert card["counts"]["reviewed"] == 3


def test_the_report_says_why_there_are_no_slices_of_the_best_run(small):
    from storage.runs import runs
    from workbench.commands.report import markdown
    from workbench.evaluation.data_card import data_card

    number = runs.add(small, "x", "qlora", "fast", "base", small.config.labels)
    runs.update(small, number, state="done")
    card = data_card(small)
    assert card["model"]["run"] == number
    assert card["model"]["slices"] == []
    text = "\n".join(markdown(card))
    assert f"Kinds of test tweets on which run {number} errs more than elsewhere:\n\nnone: " in text


def test_the_figures_of_runs_carry_their_intervals(small):
    from storage.runs import runs
    from workbench.analysis.measures.metrics import evaluate
    from workbench.commands.report import markdown
    from workbench.evaluation.data_card import data_card

    told = evaluate([0, 1, 1, 0], [0, 1, 0, 0], small.config.labels[:2])
    older = {name: of for name, of in told.items() if not name.startswith("macro_f1_")}
    for name, report in (("new", told), ("old", older)):
        number = runs.add(small, name, "baseline", name, None, small.config.labels)
        runs.update(small, number, state="done")
        runs.save_evaluation(small, number, "test", report)
    text = "\n".join(markdown(data_card(small)))
    assert "| 75.0 % [30.1, 95.4] of 4 | 73.3 % [20.0, 100.0] |" in text
    assert "| 75.0 % [30.1, 95.4] of 4 | 73.3 % |" in text


def test_suspects_that_were_wrong_are_counted_with_their_interval(small, reopen):
    from storage.history import labels
    from storage.history.events import EditContext
    from workbench.evaluation.data_card import data_card

    shown = EditContext("suspect")
    labels.assign(small, [1], "negative", shown)
    labels.assign(small, [2], "positive", shown)  # kept
    labels.assign(small, [4], "positive")  # not as a suspect
    found = data_card(small)["errors"]["suspects"]
    assert (found["value"], found["n"]) == (0.5, 2)
    assert found["low"] < 0.5 < found["high"]


def test_names_are_no_markup():
    assert plain("a|b") == "a\\|b"
    assert plain("[x](http://y)") == "[x]\\(http://y)"
    assert plain("<img>\n\x1b[31m") == "\\<img\\>⏎␛[31m"
    assert plain(None) == "-"
    assert plain(1234) == "1,234"
    assert table(("a",), []) == []


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_table_has_a_line_for_each_row_and_as_many_cells(rows):
    lines = table(("one", ">two"), rows)
    assert len(lines) == len(rows) + 3
    for line in lines[:-1]:
        assert line.count("|") - line.count("\\|") == 3
        assert "\n" not in line
