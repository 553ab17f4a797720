"""What happens when a run ends: a command of the user's, also without a screen, and a call."""

import time

import forking
import pytest
from terminals import terminal

from storage import config
from storage.errors import UserError
from storage.runs import runs
from storage.store import open_store
from workbench.rundir import folder as run_folder
from workbench.rundir import log_format
from workbench.runs import run_end
from workbench.runs.end_sentence import end_sentence
from workbench.tui.widgets.clipboard import call_sequence, clipboard_sequence

ROWS = [f"a great gain of {n} %,up\nan awful loss of {n} %,down\n" for n in range(30)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ended")
    (folder / "tweets.csv").write_text("text,label\n" + "".join(ROWS))
    return folder


@pytest.fixture
def workspace(made, cli, tmp_path):
    folder = tmp_path / "a workspace"
    cli("init", folder, "--labels", "up,down")
    assert cli("-w", folder, "import", made / "tweets.csv").status == 0
    return folder


def choose(folder, name, value):
    path = folder / config.FILE_NAME
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name} =")]
    path.write_text("\n".join([f"{name} = {value}", *lines]))


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_run_without_a_screen_tells_the_command_how_it_ended(workspace, cli, tmp_path, forked):
    told = tmp_path / "told"
    choose(
        workspace,
        "on_run_end",
        f"'env | grep ^WORKBENCH_ | sort > {told}.part; mv {told}.part {told}'",
    )
    assert cli("-w", workspace, "train", "--recipe", "baseline", "--json").status == 0
    until(told.exists)
    values = dict(line.split("=", 1) for line in told.read_text().splitlines())
    assert values["WORKBENCH_RUN"] == "1"
    assert values["WORKBENCH_RUN_STATE"] == "done"
    assert values["WORKBENCH_RUN_RECIPE"] == "baseline"
    assert values["WORKBENCH_HOME"] == str(workspace)
    store = open_store(workspace)
    report = runs.evaluation(store, 1, "test")
    store.close()
    assert float(values["WORKBENCH_RUN_ACCURACY"]) == round(report["accuracy"], 4)
    assert float(values["WORKBENCH_RUN_ACCURACY_LOW"]) <= float(values["WORKBENCH_RUN_ACCURACY"])


@pytest.fixture
def ended(workspace):
    """A store with a run that has failed, and its folder."""
    store = open_store(workspace)
    number = runs.add(store, "a", "baseline", "baseline", None, ("up", "down"))
    runs.update(store, number, state="failed", reason="no memory\nat all")
    store.run_folder(number).mkdir(parents=True)
    yield store, number
    store.close()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("echo one; echo no such card >&2; exit 3", "ended with status 3: no such card"),
        ("nonsuch-program", "ended with status 127"),
        ("sleep 30", "took longer than"),
        ("cat", None),
        (
            'test "$WORKBENCH_RUN_REASON" = "no memory\nat all" -a -z "$WORKBENCH_RUN_ACCURACY"',
            None,
        ),
    ],
)
def test_what_goes_wrong_with_the_command_stands_in_the_log(ended, command, problem, monkeypatch):
    store, number = ended
    choose(store.folder, "on_run_end", config._toml(command))
    monkeypatch.setattr(run_end, "PATIENCE_S", 0.5)
    store = open_store(store.folder)
    run_end.tell(store, runs.get(store, number))
    store.close()
    lines = [values for values, _ in run_folder.read_log(store.run_folder(number), 0)]
    said = [log_format.format_event(values) for values in lines]
    assert [problem in line for line in said] == ([] if problem is None else [True])


def test_an_end_is_told_once_and_that_after_a_resumption_again(ended, monkeypatch):
    store, number = ended
    folder, calls = store.run_folder(number), []
    monkeypatch.setattr("sys.argv", ["run_end", str(store.folder), str(number)])
    monkeypatch.setattr(run_end, "tell", lambda store, run: calls.append(run.id))
    monkeypatch.setattr(run_end, "collect", lambda store: None)
    for finished in (1.0, 1.0, 2.0):
        run_folder.write_state(folder, run_folder.State(state="stopped", finished=finished))
        run_end.main()
    assert calls == [number, number]


def test_settings_that_cannot_be_are_refused(workspace):
    choose(workspace, "notify", '"loud"')
    with pytest.raises(UserError, match='notify must be "off" or "bell" or "osc9"'):
        config.load(workspace)


def test_what_a_terminal_is_sent():
    assert call_sequence("off", "run 1 is done", "") == ""
    assert call_sequence("bell", "run 1 is done", "tmux") == "\a"
    assert call_sequence("osc9", "run 1\x1b]0;x\a", "") == "\x1b]9;run 1␛]0;x␇\a"
    assert call_sequence("osc9", "done", "tmux") == "\x1bPtmux;\x1b\x1b]9;done\a\x1b\\"
    assert call_sequence("osc9", "done", "screen") == "\x1bP\x1b]9;done\a\x1b\\"
    assert len(call_sequence("osc9", "x" * 10_000, "")) < 300


def test_what_is_copied_passes_tmux_and_screen():
    plain = clipboard_sequence("moon", "")
    assert plain == "\x1b]52;c;bW9vbg==\a"
    wrapped = "\x1bPtmux;\x1b" + plain + "\x1b\\"
    assert clipboard_sequence("moon", "tmux") == plain + wrapped, "it takes one of them"
    long = "to the moon " * 100
    parts = clipboard_sequence(long, "screen").split("\x1b\\")
    assert all(part.startswith("\x1bP") and len(part) <= 250 for part in parts[:-1])
    assert "".join(part.removeprefix("\x1bP") for part in parts) == clipboard_sequence(long, "")


@pytest.mark.parametrize(
    ("how", "sent"), [("bell", b"\a"), ("osc9", b"\x1b]9;run 1 done: accuracy")]
)
def test_a_terminal_is_called_when_a_run_ends(workspace, cli, forked, how, sent):
    choose(workspace, "notify", f'"{how}"')
    program = ["-m", "workbench", "-w", str(workspace)]
    with terminal(*program, **forking.OF_SCREENS) as opened:
        opened.until("1 of 60")
        before = len(opened.written)
        assert cli("-w", workspace, "train", "--recipe", "baseline", "--json").status == 0
        opened.until("run 1")
        until(lambda: opened.read(0.05) and sent in opened.written[before:])


def test_a_run_without_results_is_told_of_in_a_sentence(workspace):
    store = open_store(workspace)
    number = runs.add(store, "one", "qlora", "tiny", None, ("up", "down"))
    told = {
        ("stopped", None): "Run 1 has stopped; `workbench resume 1` goes on with it.",
        ("failed", "There is no base."): "Run 1 failed: There is no base.",
        ("failed", None): "Run 1 failed.",
    }
    for (state, reason), sentence in told.items():
        runs.update(store, number, state=state, reason=reason)
        assert end_sentence(runs.get(store, number)) == sentence
    store.close()
