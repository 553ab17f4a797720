"""What documents for people say of the tree is so."""

from __future__ import annotations

import re

import pytest

NAMED = re.compile(r"`((?:storage|workbench|tests|docs|sample_data)/[\w./-]*?)`")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_path_that_is_named_is_there(name, repository):
    named = NAMED.findall((repository / name).read_text("utf-8"))
    assert named or name == "README.md"
    assert [path for path in named if not (repository / path).exists()] == []
