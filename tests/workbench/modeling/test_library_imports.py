"""What importing the libraries of models leaves out, and that nothing is missed."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib import metadata

import pytest

from workbench.modeling.base import library_imports, machine


def test_kernels_are_not_fetched_from_the_hub(caplog):
    with library_imports._no_kernels_of_the_hub():
        with pytest.raises(ImportError):
            importlib.import_module("kernels")
        logging.getLogger("bitsandbytes.backends.cpu.ops").warning("none")
    assert "kernels" not in sys.modules and not caplog.records


def test_looking_at_a_machine_leaves_out_what_runs_leave_out(monkeypatch):
    imported = []
    monkeypatch.setattr(machine, "import_torch", lambda: imported.append("bitsandbytes"))
    assert "nf4" in machine.describe_machine() and imported == ["bitsandbytes"]


def test_a_module_that_was_imported_is_not_hidden():
    with library_imports._module_hidden("logging"):
        assert sys.modules["logging"] is logging


def test_distributions_are_read_when_one_is_asked_for_that_has_another_name(monkeypatch):
    read = []
    monkeypatch.setattr(
        library_imports, "_packages_distributions", lambda: read.append(1) or {"yaml": ["PyYAML"]}
    )
    found = library_imports._DistributionsWhenAsked()
    assert found.get("torch") == ["torch"] and not read
    assert found.get("yaml", []) == ["PyYAML"] and found.get("nothing", []) == []
    assert [*found] == ["yaml"] and read == [1]


def test_distributions_that_are_not_read_have_the_name_of_their_package():
    for name in library_imports._DistributionsWhenAsked.SAME_NAME:
        assert metadata.version(name)
