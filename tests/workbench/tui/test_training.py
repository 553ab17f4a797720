"""Starting runs, watching them, and what their end changes on the screen."""

import time
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.widgets import Input

from storage.runs import runs
from storage.store import open_store
from workbench.planning import devices
from workbench.rundir import folder as run_folder
from workbench.rundir import processes
from workbench.runs import engine_control
from workbench.runs.login_sessions import WARNING, LogoutEffect


@asynccontextmanager
async def started(start, stub, **options):
    """The app with run 3 just started from the form."""
    async with start(program=stub.program, **options) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        await driver.press("enter", "tab", "enter", "enter", "enter")
        await driver.until_seen("run 3")
        yield driver


async def test_the_form_tells_what_will_be_trained_on(start):
    async with start(size=(80, 24)) as driver:
        await driver.press("t")
        splits = [driver.tweet(number).split for number in range(1, 13) if number != 10]
        await driver.until_seen(f"{splits.count('train')} training tweets")
        for told in ("seed", "fast", "baseline", "tiiuae/falcon-7b", "Start"):
            assert told in driver.text
        await driver.until(lambda: "tab moves  esc q back" in driver.lines[-1])
        await driver.press("enter")
        await driver.until(lambda: "tab moves  esc back" in driver.lines[-1])  # q is typed there
        await driver.press("shift+tab", "shift+tab", "shift+tab")
        await driver.until(lambda: driver.lines[-1].startswith(" enter starts  tab moves  esc q"))
        await driver.press("escape")
        await driver.until_seen("$TSLA to the moon")


async def test_that_a_key_does_nothing_on_the_form_stands_until_the_next_one(start):
    async with start() as driver:
        await driver.press("t", "n")
        await driver.until_seen("n does nothing here.")
        await driver.press("tab")
        await driver.until(lambda: "does nothing here" not in driver.text)


async def test_what_the_form_says_is_what_is_started(start, stub):
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("no run has an adapter to go on from yet")  # all is read
        await driver.press("down", "enter", "end", "ctrl+u")
        await driver.type("./model 1 x q")
        await driver.press("enter", "enter")
        await driver.type("lora.r=8 training.max_steps=50")
        await driver.press("enter", "enter")
        await driver.until(lambda: stub.calls)
        assert stub.calls[0] == [
            "train",
            "--recipe",
            "tiny",
            "--base",
            "./model 1 x q",
            "--set",
            "lora.r=8",
            "--set",
            "training.max_steps=50",
            "--json",
        ]
        assert len(driver.history(1)) == 1


async def test_a_base_that_is_a_folder_here_is_found_by_commands_that_work_elsewhere(
    start, stub, tmp_path, monkeypatch
):
    (tmp_path / "here" / "model-1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        await driver.press("tab", "end", "ctrl+u", *"model-1", "enter", "enter", "enter", "enter")
        await driver.until(lambda: stub.calls)
        assert stub.calls[0][3:5] == ["--base", str(tmp_path / "here" / "model-1")]


@pytest.mark.parametrize(
    ("recipe", "when"),
    [("seed", "to compare with the public recipe: slower"), ("fast", "on a GPU")],
)
async def test_the_form_says_when_one_would_take_a_recipe(start, recipe, when):
    async with start(size=(80, 24)) as driver:
        await driver.press("t", "g")
        await driver.press(*["down"] * (recipe == "fast"))
        await driver.until_seen(f"▌{recipe} ")
        await driver.until_seen(when)


async def test_tab_completes_the_folder_of_a_base_and_then_goes_on(
    start, stub, tmp_path, monkeypatch
):
    for name in ("falcon-7b", "falcon-40b", "llama"):
        (tmp_path / "models" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    async with start(program=stub.program) as driver:
        await driver.press("t", "tab", "end", "ctrl+u", *"mod", "tab", *"f", "tab")
        base = driver.app.screen.query_one("#base", Input)
        assert base.value == "models/falcon-"
        assert "falcon-40b/ falcon-7b/" in " ".join(driver.text.split())
        await driver.press("7", "tab")
        assert base.value == "models/falcon-7b/"
        await driver.press("tab")
        assert driver.app.screen.focused.id == "from"


async def test_the_arrows_go_through_bases_of_before_and_runs_with_an_adapter(
    start, stub, workspace
):
    (workspace / "runs" / "2" / "adapter").mkdir(parents=True)
    store = open_store(workspace)
    runs.add(store, "third", "qlora", "fast", "/models/llama", ["positive", "negative"])
    store.close()
    async with start(program=stub.program) as driver:
        await driver.press("t", "tab")
        await driver.until_seen("↓ takes recent ones: tiiuae/falcon-7b /models/llama")
        await driver.press("down", "down", "up")
        assert driver.app.screen.query_one("#base", Input).value == "/models/llama"
        await driver.press("enter")
        await driver.until_seen("a run whose adapter it goes on from; ↓ takes 2")
        await driver.press("down")
        await driver.until_seen("with its recipe fast, its base and a quarter of its steps")
        assert driver.app.screen.query_one("#base").disabled, "the run has one"
        await driver.press("enter", "enter", "enter")
        await driver.until(lambda: stub.calls)
        assert stub.calls[0] == ["train", "--from", "2", "--json"]


async def test_a_run_without_an_adapter_is_said_to_have_none(start):
    async with start() as driver:
        await driver.press("t", "tab", "tab")
        await driver.until_seen("no run has an adapter to go on from yet")
        await driver.press("1")
        await driver.until_seen("! no run of that number has an adapter")


async def test_a_run_that_has_begun_while_the_program_is_left_is_shown_nowhere(start):
    async with start() as driver:
        await driver.until_seen("$TSLA to the moon")
    driver.app.run_started(2)
    assert not driver.app.screen_stack


async def test_keys_that_come_at_once_fill_in_the_form_as_if_one_by_one(start, stub):
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        line = [*"j\t\x15./moodel", "left", "left", "left", "\b", "end", *"-1\r\rlora.r=8\r\r"]
        for item in line:
            name = {"\t": "tab", "\r": "enter", "\b": "backspace", "\x15": "ctrl+u"}.get(item, item)
            driver.app.post_message(events.Key(name, item if len(item) == 1 else None))
        await driver.until(lambda: stub.calls)
        assert stub.calls[0] == [
            "train",
            "--recipe",
            "tiny",
            "--base",
            "./model-1",
            "--set",
            "lora.r=8",
            "--json",
        ]


async def test_the_form_lets_the_engine_keep_the_base_and_remembers_it(
    start, stub, tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBENCH_ENGINE_DIR", str(tmp_path / "engine"))
    async with start(program=stub.program, size=(80, 24)) as driver:
        await driver.press("t")
        await driver.until_seen("keep the base loaded for 15 minutes afterwards")
        assert "X" not in next(row for row in driver.text.splitlines() if "keep the" in row)
        await driver.press("tab", "tab", "tab", "tab", "tab", "space")
        await driver.until(lambda: engine_control.keep_base_preference() is True)
        assert "X" in next(row for row in driver.text.splitlines() if "keep the" in row)
        await driver.press("escape")
        await driver.until_seen("engine off")
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        await driver.press("enter", "tab", "enter", "enter", "enter")
        await driver.until(lambda: stub.calls)
        assert stub.calls[0][-3:] == ["--launcher", "engine", "--json"]


async def test_a_base_is_kept_where_there_is_a_gpu_and_never_for_a_baseline(
    start, stub, tmp_path, monkeypatch
):
    monkeypatch.setattr(devices, "GPUS", (str(tmp_path),))
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        keep = driver.app.screen.query_one("#keep")
        base = driver.app.screen.query_one("#base").value
        assert base and keep.value and not keep.disabled
        await driver.until(lambda: stub.calls)  # it imports while the form is filled in
        await driver.press("G")
        await driver.until(lambda: keep.disabled)
        await driver.press("enter", "enter", "enter")
        await driver.until(lambda: len(stub.calls) > 1)
        assert stub.calls[0] == ["engine", "start", "--base", base, "--json"]
        assert stub.calls[1][:3] == ["train", "--recipe", "baseline"]
        assert "engine" not in stub.calls[1]


async def test_the_form_warns_where_a_logout_ends_runs(start, monkeypatch):
    monkeypatch.setattr(
        "workbench.tui.screens.train.logout_effect", lambda: LogoutEffect(warning=WARNING)
    )
    async with start() as driver:
        await driver.press("t")
        await driver.until_seen("KillUserProcesses")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [("lora.q=8", "'lora.q' is not a setting"), ("lora.r", "not of the form"), ("'", "No closing")],
)
async def test_wrong_settings_start_nothing(start, stub, settings, complaint):
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        await driver.press("tab", "tab", "tab")
        await driver.type(settings)
        await driver.press("enter", "enter")
        await driver.until_seen(complaint)
        assert stub.calls == []


async def test_a_start_that_fails_is_said_in_one_sentence(start, stub):
    stub.fail()
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        await driver.press("tab", "tab", "tab", "tab", "enter")
        await driver.until_seen("There is no model folder /nowhere")
        assert "library" not in driver.text
        await driver.press("escape")
        await driver.until_seen("$TSLA to the moon")


async def test_a_run_is_shown_live(start, stub):
    async with started(start, stub, size=(80, 24)) as driver:
        for told in (
            "5/20 · 1:15",
            "LOSS .90 → .41",
            "51.5 tweets/s",
            "4.2 GiB at most",
            "DEV ACCURACY 40 tweets",
            "■ .75 lowest loss",
            "lr 1.0e-04 →",
            "run 3 goes on without this screen",
            "B back to the tweets",
        ):
            await driver.until_seen(told)
        stub.move(step=10, eta_s=30.0)
        await driver.until_seen("10/20")


async def test_before_its_first_step_a_run_has_a_clock_and_says_what_it_does(start, stub):
    async with started(start, stub, size=(80, 24)) as driver:
        run_folder.append_log(
            stub.folder, "estimate", seconds=64.0, step_s=0.5, after_s=9.0, source="rough"
        )
        stub.move(phase="loading the base", step=0, steps=0, eta_s=None, started=time.time() - 600)
        await driver.until_seen("loading the base · 10:0")
        await driver.until_seen("estimate about 1:04 in all (rough)")
        before = driver.text
        await driver.until(lambda: driver.text != before)  # no file has changed, but time goes on
        assert "loading the base · 10:" in driver.text
        await driver.press("q")
        await driver.until_seen("of about 1:04 loading the base")
        assert "run 3 1" in driver.text
        stub.move(phase="training", step=5, steps=80, eta_s=526.0)
        run_folder.append_log(stub.folder, "estimate", seconds=560.0, before=64.0, step=5)
        await driver.until_seen("run 3 training 5/80 loss 0.412 eta 8:46")
        await driver.press("t")
        await driver.until_seen("5/80 · 8:46")
        await driver.until_seen("in all by its steps, 1:04 before")
        await driver.press("l")
        await driver.until_seen("about 9:20 in all, not 1:04")


async def test_labelling_goes_on_while_a_run_does(start, stub):
    async with started(start, stub) as driver:
        await driver.press("escape")
        await driver.until_seen("run 3 training 5/20 loss 0.412 eta 1:15")
        await driver.press("2")
        assert driver.tweet(1).label == "negative"
        await driver.press("t")
        await driver.until_seen("1:15 left")


async def test_a_failed_run_says_why(start, stub):
    async with started(start, stub) as driver:
        stub.move(state="failed", reason="Out of memory; use a smaller batch.")
        await driver.until_seen("run 3 failed: Out of memory; use a smaller batch")
        await driver.press("escape")
        await driver.until_seen("! run 3 failed")
        assert "text · run 2" in driver.text


@pytest.mark.parametrize("way", ["escape", "r", "n"])
async def test_that_a_run_failed_is_taken_back_when_somebody_resumes_it(start, stub, way):
    async with started(start, stub) as driver:
        await driver.press(way)
        await driver.pilot.pause()
        stub.move(state="failed", reason="Out of memory; use a smaller batch.")
        await driver.until_seen("Out of memory")
        stub.resume_outside()
        await driver.until(lambda: "Out of memory" not in driver.text)
        await driver.press("B", "t")
        await driver.until_seen("goes on without this screen")
        assert "failed" not in driver.text


async def test_what_was_said_of_a_run_goes_with_it(start, stub):
    async with started(start, stub) as driver:
        stub.move(state="failed", reason="Out of memory.")
        await driver.press("r")
        await driver.until_seen("Run 3: Out of memory.")
        await driver.press("D", "y")
        await driver.until_seen("Run 3 is deleted")
        await driver.press("B")
        await driver.until_seen("$TSLA to the moon")
        assert "run 3 failed" not in driver.text


async def test_a_run_whose_worker_is_gone_has_failed(start, stub):
    async with started(start, stub) as driver:
        stub.move(pid=2**22 + 1)
        await driver.until_seen("ended without a word")


async def test_stop_asks_the_command_line(start, stub):
    async with started(start, stub) as driver:
        await driver.until(lambda: "S stop" in driver.lines[-1])
        await driver.press("S")
        await driver.until_seen("saves and stops")
        assert ["stop", "3", "--json"] in stub.calls


async def test_stop_is_offered_while_a_run_goes_on_and_resume_afterwards(start, stub):
    async with started(start, stub) as driver:
        await driver.until(lambda: "S stop" in driver.lines[-1])
        stub.move(state="stopped")
        await driver.until(lambda: "S go on" in driver.lines[-1])
        await driver.press("S")
        await driver.until_seen("Run 3 goes on.")
        assert [call for call in stub.calls if call[0] in ("stop", "resume")] == [
            ["resume", "3", "--json"]
        ]
        stub.move(state="done")
        await driver.until(lambda: "S" not in driver.lines[-1].split())
        await driver.until_seen("run 3 is done: accuracy 81.0 % [73.0, 87.0] of 100 test tweets")
        await driver.press("S")
        await driver.until_seen("Run 3 is done; there is nothing to stop.")


async def test_runs_that_others_started_are_watched(start, stub):
    stub.start_outside()
    me = processes.identity()
    stub.move(pid=me.pid, pid_started=me.started, boot=me.boot)
    async with start(program=stub.program) as driver:
        await driver.until_seen("run 3 training 5/20")


async def test_the_table_of_runs_changes_whose_predictions_are_shown(start):
    async with start() as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        row = next(line for line in driver.lines if " fast " in line)
        assert row.split()[:3] == ["▌●", "2", "fast"]
        await driver.press("j", "o")
        await driver.until_seen("text · run 1 baseline")
        await driver.press("j", "j", "space")
        assert driver.tweet(3).label == "negative"


async def test_without_colours_the_cursor_has_a_mark_everywhere(start, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with start() as driver:
        await driver.press("j")
        assert [line[0] for line in driver.lines[2:5]] == [" ", "▌", " "]
        await driver.press("r")
        await driver.until(lambda: "▌●     2" in driver.text)
        await driver.press("G")
        await driver.until(lambda: "▌      1" in driver.text and "▌●" not in driver.text)
        await driver.press("escape", "t")
        for mark in ("▌recipe", "▌base", "▌from run", "▌settings", "▌ Start"):
            await driver.until_seen(mark)
            assert "▌fast" in driver.text
            await driver.press("tab")


async def test_a_run_without_predictions_cannot_be_shown(start, stub):
    stub.start_outside()
    async with start(program=stub.program) as driver:
        await driver.press("r")
        await driver.until_seen("tiny")
        await driver.press("o")
        await driver.until_seen("has no predictions")
        await driver.press("r")
        await driver.until_seen("text · run 2")


async def test_the_list_of_runs_fits_80_columns_and_tells_the_whole_reason(start):
    async with start(size=(80, 24)) as driver:
        reason = (
            "There is not enough memory for it; take training.memory=8gb, or free some of the GPU."
        )
        store = driver.app.store
        test = {
            "accuracy": 0.7,
            "accuracy_low": 0.681,
            "accuracy_high": 0.72,
            "n": 1234,
            "macro_f1": 0.7,
        }
        base = "/models/Llama-3-8B-Instruct"
        runs.update(store, 2, state="done", steps=200, seconds=615)
        runs.save_evaluation(store, 2, "test", test)
        failed = runs.add(store, "third", "predict", "baseline", base, ("positive", "negative"))
        runs.update(store, failed, state="failed", reason=reason)
        await driver.press("r")
        await driver.until_seen("70.0 % ├")
        row = next(line for line in driver.lines if " 70.0 % " in line).split()
        assert row[1:4] == ["2", "fast", "done"]
        assert {"200", "10:15"} < set(row)
        heading = next(line for line in driver.lines if " recipe " in line).split()
        assert heading[:4] == ["run", "recipe", "state", "test"]
        assert "baseline, predict  failed" in driver.text
        await driver.until(lambda: reason in " ".join(driver.text.split()))
        await driver.press("j")
        await driver.until(lambda: "8gb" not in driver.text)


async def test_a_run_without_its_folder_is_said_to_be_gone(start):
    async with start() as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("enter")
        await driver.until_seen("is missing, so nothing more")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_form_tells_what_a_run_will_need(start, repository, size, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    async with start(size=size) as driver:
        await driver.press("t", "tab")
        await driver.until_seen("tiiuae/falcon-7b needs is not known before it is on this machine")
        base = driver.app.screen.query_one("#base", Input)
        base.value = str(repository / "sample_data" / "base")
        await driver.until_seen("for 200 steps")
        await driver.until_seen("GiB are free on the CPU")
        await driver.press("tab", "tab")
        await driver.type("training.max_steps=7")
        await driver.until_seen("for 7 steps")
        assert "Start" in driver.text
