"""No space, or a limit on file sizes: one sentence, nothing lost, and work goes on afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from functools import partial

import pytest

from storage.config import Config
from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups
from storage.store import create_store, open_store

TWEETS = 4_000
SPACE = 24 * 2**20
"""Of the small disk; the workspace takes a good tenth of it."""


class SmallDisk:
    """A disk of its own, filled up and emptied with a file."""

    def __init__(self, folder):
        self.folder, self.ballast = folder, folder / "ballast"
        self.options = {}

    def fill_up(self, but=64 * 2**10):
        free = shutil.disk_usage(self.folder).free
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - but)

    def make_space(self):
        self.ballast.unlink()


class SmallFiles:
    """No disk: a limit on how long a file of the process may get."""

    def __init__(self, folder):
        self.folder = folder
        self.options = {}

    def fill_up(self, but=64 * 2**10):
        most = but + 16 * 2**10
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
        self.options = {"preexec_fn": limit}

    def make_space(self):
        self.options = {}


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPACE},mode=0700", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield SmallDisk(place)
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def template(tmp_path_factory, take_in):
    place = tmp_path_factory.mktemp("full")
    rows = "".join(f"tweet {n} of the full disk,positive\n" for n in range(TWEETS))
    (place / "t.csv").write_text("text,label\n" + rows)
    store = create_store(place / "workspace", Config(labels=("positive", "negative")), "ana")
    take_in(store, place / "t.csv")[0].close()
    return place / "workspace"


@pytest.fixture(params=["disk", "limit"])
def full(request, template, tmp_path):
    """A workspace with a little space left, about as much as ten labels take."""
    if request.param == "disk":
        place = request.getfixturevalue("small_disk")
    else:
        (tmp_path / "files").mkdir()
        place = SmallFiles(tmp_path / "files")
    shutil.copytree(template, place.folder / "workspace")
    return place


def said(status, err):
    """The one sentence of a command that failed."""
    assert status == 1, err
    (line,) = err.splitlines()
    assert line.startswith("workbench: ")
    assert line.endswith(".")
    assert "Unexpected" not in line
    return line


LABEL = """
import sys
from pathlib import Path
from storage.errors import UserError
from storage.history import labels
from storage.store import open_store

store = open_store(Path(sys.argv[1]), "ana")
for number in range(1, int(sys.argv[2])):
    try:
        labels.assign(store, [number], "negative")
    except UserError as error:
        sys.exit(f"workbench: {error}")
    print(number, flush=True)
"""


def test_every_label_before_the_disk_was_full_is_saved(full, repository):
    folder = full.folder / "workspace"
    full.fill_up(2**19)
    done = subprocess.run(
        [sys.executable, "-c", LABEL, folder, str(TWEETS)],
        capture_output=True,
        text=True,
        cwd=repository,
        **full.options,
    )
    assert "space" in said(done.returncode, done.stderr)
    saved = [int(line) for line in done.stdout.splitlines()]
    assert 3 < len(saved) < TWEETS - 1
    full.make_space()
    store = open_store(folder, "ana")
    assert list(tweets.listing(store, "changed:yes")) == saved
    assert integrity.check(store) == []
    labels.assign(store, [len(saved) + 1], "negative")
    assert tweets.counts(store).corrected == len(saved) + 1
    store.close()


@pytest.mark.parametrize(
    ("work", "written"),
    [
        (("label", "--where", "label:positive", "negative"), "corrected"),
        (("import", "more.csv"), "tweets"),
        (("backup",), "backups"),
        (("backup", "copy.db"), "copies"),
        (("export", "out.csv"), "exports"),
        (("init", "new", "--labels", "up,down"), "new"),
    ],
    ids=lambda value: "-".join(value)[:20] if isinstance(value, tuple) else "",
)
def test_what_does_not_fit_is_not_done_at_all_and_can_be_repeated(work, written, full, workbench):
    folder = full.folder / "workspace"
    more = "".join(f"a new text {n},negative\n" for n in range(6_000))
    (full.folder / "more.csv").write_text("text,label\n" + more)

    def run():
        return workbench("-w", folder, *work, cwd=full.folder, **full.options)

    def amount():
        store = open_store(folder, "ana")
        counts = tweets.counts(store)
        store.close()
        return {
            "corrected": counts.corrected,
            "tweets": counts.tweets,
            "backups": len(backups.list_backups(folder)),
            "copies": len(list(full.folder.glob("*.db"))),
            "exports": len(list(full.folder.glob("out*"))),
            "new": sum(path.stat().st_size > 0 for path in full.folder.glob("new/*.db")),
        }

    workbench("-w", folder, "status")  # makes the backup of the day
    before, files = amount(), names(full.folder)
    full.fill_up(0 if work[0] == "init" else 64 * 2**10)
    result = run()
    assert result.status == 1, (result.out, result.err)
    sentence = said(result.status, result.err)
    assert "space" in sentence or "limit" in sentence, sentence
    full.make_space()
    assert amount() == before
    assert names(full.folder) - {"new/workbench.toml"} == files
    assert workbench("-w", folder, "check").status == 0

    again = run()
    assert again.status == 0, again.err
    after = amount()
    assert after.pop(written) > before.pop(written)
    assert after == before
    assert workbench("-w", folder, "check").status == 0


def test_the_daily_backup_that_does_not_fit_hinders_nothing(full, workbench):
    folder = full.folder / "workspace"
    full.fill_up(2**18)
    result = workbench("-w", folder, "label", "1", "negative", **full.options)
    assert result.status == 0
    (line,) = result.err.splitlines()
    assert "backup" in line and "space" in line, line
    assert backups.list_backups(folder) == []
    full.make_space()
    assert workbench("-w", folder, "label", "2", "negative").err == ""
    assert [backup.kind for backup in backups.list_backups(folder)] == [backups.DAILY]


def names(folder):
    """All files but those that come and go with an open database."""
    passing = ("-wal", "-shm", ".lock", "ballast")
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(passing)
    }
