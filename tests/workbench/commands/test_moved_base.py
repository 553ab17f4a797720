"""A run from another machine, whose base lies elsewhere here."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from storage import config
from workbench.recipes.base_models import absolute_name, base_here, fingerprint
from workbench.rundir.folder import DONE, read_job, read_state
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = pytest.mark.models


def test_a_base_is_found_where_the_workspace_has_the_same(tmp_path):
    here, other = tmp_path / "here", tmp_path / "other"
    for folder, content in ((here, "{}"), (other, '{"a": 1}')):
        folder.mkdir()
        (folder / "config.json").write_text(content)
    known, gone = fingerprint(str(here)), str(tmp_path / "gone")
    assert base_here(gone, known, str(here)) == absolute_name(str(here))
    assert base_here(gone, known, str(other)) == gone
    assert base_here(str(other), known, str(here)) == str(other)  # there, so it has to be that one
    assert base_here("some/base", None, str(here)) == "some/base"
    assert base_here(None, None, str(here)) is None


@pytest.mark.slow
def test_a_run_whose_base_lies_elsewhere_answers_and_is_exported(
    filled, make_model_run, cli, repository, tmp_path
):
    there = shutil.copytree(repository / "sample_data" / "base", tmp_path / "there")
    run = make_model_run("training.max_steps=1", base=there)
    assert do_run(read_job(run), run, Reporter(run)) and read_state(run).state == DONE
    moved = there.rename(tmp_path / "moved")
    workspace = ("-w", filled.folder)
    for command in (["classify", "up we go"], ["export-adapter", tmp_path / "no"], ["predict"]):
        refused = cli(*workspace, *command)
        assert refused.status == 1 and "as `base` in workbench.toml" in refused.err
    config.save(filled.folder, replace(config.load(filled.folder), base=str(moved)))
    assert cli(*workspace, "classify", "up we go", "--json").json["run"] == 1
    assert cli(*workspace, "export-adapter", tmp_path / "adapter").status == 0
    assert "BASE = './moved'" in (tmp_path / "adapter" / "README.md").read_text()
