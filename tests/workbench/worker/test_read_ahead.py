"""The weights of a base are read while libraries are imported, if they have room."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.worker import read_ahead as module
from workbench.worker.read_ahead import read_ahead


@pytest.fixture
def told(monkeypatch):
    """The files that the system was told to read, in threads that are waited for."""
    files = []
    monkeypatch.setattr(
        os,
        "posix_fadvise",
        lambda descriptor, *about: files.append(
            str(Path(f"/proc/self/fd/{descriptor}").readlink())
        ),
    )
    waited = SimpleNamespace(start=lambda: None)
    monkeypatch.setattr(module, "Thread", lambda target, args, daemon: (target(*args), waited)[1])
    return files


def test_weights_are_read_ahead_unless_they_would_fill_the_memory(tmp_path, told, monkeypatch):
    for name in ("b.safetensors", "a.safetensors", "config.json"):
        (tmp_path / name).write_bytes(bytes(100))
    free = SimpleNamespace(available=400)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    read_ahead(str(tmp_path))
    assert told == [str(tmp_path / "a.safetensors"), str(tmp_path / "b.safetensors")]
    free.available = 399
    read_ahead(str(tmp_path))
    assert len(told) == 2


@pytest.mark.parametrize("base", [None, "some/base", "/nowhere", "~nobody/base"])
def test_a_base_that_is_no_folder_here_is_left_to_its_loading(base, told):
    read_ahead(base)
    assert told == []


def test_files_that_are_no_files_are_passed_over(tmp_path, told):
    os.mkfifo(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").symlink_to("gone")
    read_ahead(str(tmp_path))
    assert told in ([], [str(tmp_path / "a.safetensors")])
