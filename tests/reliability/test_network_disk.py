"""On a network disk labels are saved with a rollback journal, and it is said."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
from terminals import terminal

from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import filesystem
from storage.store import DATABASE, open_store
from storage.transactions import execute_when_free

LOCAL = "36 1 0:30 / / rw,relatime shared:1 - ext4 /dev/vda rw"


def mounts(*lines):
    return "\n".join((LOCAL, *lines)) + "\n"


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Pretends that something is mounted somewhere."""

    def mount(kind, place):
        table = tmp_path / "mountinfo"
        table.write_text(mounts(f"40 36 0:35 / {place} rw shared:2 - {kind} server:/home rw"))
        monkeypatch.setattr(filesystem, "MOUNTS", table)
        return table

    return mount


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        ("nfs4", True),
        ("nfs", True),
        ("cifs", True),
        ("smb3", True),
        ("lustre", True),
        ("fuse.sshfs", True),
        ("fuse.juicefs", True),
        ("fuse", True),
        ("9p", True),
        ("ceph", True),
        ("gpfs", True),
        ("beegfs", True),
        ("ext4", False),
        ("xfs", False),
        ("btrfs", False),
        ("zfs", False),
        ("tmpfs", False),
        ("overlay", False),
        ("fuse.fuse-overlayfs", False),
        ("fuseblk", False),
    ],
)
def test_which_types_are_network_disks(kind, network, mounted, tmp_path):
    mounted(kind, tmp_path)
    found = filesystem.network_type(tmp_path / "deep" / "inside")
    assert found == (kind if network else None)


@pytest.mark.parametrize(
    ("lines", "folder", "found"),
    [
        (["40 36 0:35 / /home rw - nfs4 s:/ rw"], "/home/ana", "nfs4"),
        (["40 36 0:35 / /home rw - nfs4 s:/ rw"], "/homes/ana", None),
        (["40 36 0:35 / /home rw - nfs4 s:/ rw"], "/var", None),
        (
            ["40 36 0:35 / /home rw - nfs4 s:/ rw", "41 40 8:1 / /home/ana rw - xfs /dev/b rw"],
            "/home/ana/w",
            None,
        ),
        (
            ["40 36 8:1 / /data rw - xfs /dev/b rw", "41 40 0:35 / /data rw - cifs //s rw"],
            "/data",
            "cifs",
        ),
        (["40 36 0:35 / /my\\040home rw master:1 shared:2 - nfs s:/ rw"], "/my home/w", "nfs"),
    ],
)
def test_the_innermost_mount_counts(lines, folder, found, tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    table.write_text(mounts(*lines))
    monkeypatch.setattr(filesystem, "MOUNTS", table)
    kind = filesystem.network_type(filesystem.Path(folder))
    assert kind == found


def test_without_a_table_of_mounts_a_disk_counts_as_local(tmp_path, monkeypatch):
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "none")
    assert filesystem.network_type(tmp_path) is None
    monkeypatch.undo()
    assert filesystem.network_type(filesystem.Path("/proc")) is None


@pytest.fixture
def remote(small, mounted):
    """A workspace on a network disk, used by the program that `run` starts."""
    small.close()
    return small.folder, mounted("nfs4", small.folder)


@pytest.fixture
def command(remote, repository):
    """The command line in a process of its own that sees the same mounts."""
    folder, table = remote
    program = (
        "import sys; from pathlib import Path; from storage.safety import filesystem;"
        f"filesystem.MOUNTS = Path({str(table)!r});"
        "from workbench.cli import run; sys.argv[0] = 'workbench'; run()"
    )
    return [sys.executable, "-c", program, "-w", str(folder)]


def run(command, *arguments):
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_labels_work_with_a_rollback_journal_and_a_warning(remote, command):
    folder, _ = remote
    done = run(command, "label", "1", "negative")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line == (
        f"workbench: {folder} is on a network file system (nfs4), so labels are saved with a "
        "rollback journal: slower, and writers wait for readers; a local disk is better."
    )
    with (folder / DATABASE).open("rb") as file:
        assert file.read(20)[18:20] == b"\x01\x01"  # no write-ahead log any more
    assert not (folder / f"{DATABASE}-wal").exists()
    for arguments in (("undo",), ("check",), ("backup",), ("list",), ("history", "1")):
        assert run(command, *arguments).returncode == 0, arguments


def test_doctor_says_it(remote, cli, monkeypatch):
    monkeypatch.setattr("workbench.modeling.base.machine.describe_machine", dict)
    (problem,) = cli("-w", remote[0], "doctor", "--json").json["problems"]
    assert problem == (f"{remote[0]} is on a network file system (nfs4); a local one is better.")


def test_the_screen_says_it(remote, command):
    with terminal(*command[1:], columns=120) as opened:
        opened.until("network disk")
        opened.press(b"2")
        opened.until("1 fixed")
        opened.press(b"q")
        assert opened.wait() == 0
    store = open_store(remote[0], "ana")
    assert tweets.tweet(store, 1).label == "negative"
    store.close()


LABELLER = """
import sys
from pathlib import Path
from storage.history import labels
from storage.safety import filesystem
filesystem.MOUNTS = Path(sys.argv[2])
from storage.store import open_store
store = open_store(Path(sys.argv[1]), sys.argv[3])
for step in range(20):
    labels.assign(store, [1 + step % 6], ("positive", "negative")[step % 2])
    labels.history(store, 1)
store.close()
"""


def test_two_people_and_an_import_work_on_it(remote, command, repository, tmp_path):
    folder, table = remote
    (tmp_path / "more.csv").write_text("text\n" + "".join(f"new {n}\n" for n in range(2_000)))
    people = [
        subprocess.Popen(
            [sys.executable, "-c", LABELLER, str(folder), str(table), name],
            cwd=repository,
            env={**os.environ, "PYTHONPATH": str(repository)},
        )
        for name in ("ana", "ben")
    ]
    imported = run(command, "import", str(tmp_path / "more.csv"))
    assert [process.wait(60) for process in people] == [0, 0]
    assert imported.returncode == 0, imported.stderr
    store = open_store(folder, "ana")
    assert len(labels.history(store)) == 40
    assert tweets.counts(store).tweets == 6 + 2_000
    assert integrity.check(store) == []
    store.close()


def test_who_opens_it_first_waits_until_nobody_uses_its_log(remote, monkeypatch):
    folder, _ = remote
    other = sqlite3.connect(folder / DATABASE)
    other.execute("SELECT count(*) FROM tweets").fetchone()
    monkeypatch.setattr("storage.transactions.time.sleep", lambda seconds: other.close())
    store = open_store(folder, "ana")
    assert store.db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    store.close()


def test_two_who_open_it_first_do_not_wait_for_each_other(remote, monkeypatch):
    both = threading.Barrier(2)

    def beside_the_other(db, statement):
        db.execute("SELECT count(*) FROM tweets").fetchone()  # so that the log is in use
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        execute_when_free(db, statement)

    monkeypatch.setattr("storage.store.BUSY_MS", 2_000)
    monkeypatch.setattr("storage.store.execute_when_free", beside_the_other)
    with ThreadPoolExecutor() as people:
        opened = list(people.map(partial(open_store, remote[0]), ("ana", "ben")))
    for store in opened:
        assert store.db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        store.close()


def test_back_on_a_local_disk_the_log_is_used_again(remote, command, monkeypatch):
    folder, _ = remote
    assert run(command, "label", "1", "negative").returncode == 0
    monkeypatch.undo()
    store = open_store(folder, "ana")
    assert store.notices == ()
    assert store.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert tweets.tweet(store, 1).label == "negative"
    store.close()
