"""pyarrow without pandas, which stays there for whoever wants it."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_no_array_brings_pandas_along():
    pytest.importorskip("pandas")
    run(
        "import sys, workbench.rundir.tables\n"
        "import pyarrow as pa\n"
        "pa.table({'number': [1, 2], 'text': ['a', 'b']}), pa.array([[0.5], [0.25]])\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
        "assert list(pa.table({'number': [1, 2]}).to_pandas()['number']) == [1, 2]\n"
        "assert pa.array(pandas.Series([1, 2])).to_pylist() == [1, 2]\n"
    )


def test_an_export_does_not_either(tmp_path):
    run(
        "import io, sys\n"
        "from storage.formats.arrow_writer import parquet\n"
        "parquet(io.BytesIO(), [{'text': 'a'}], {'text': 'text'}, {})\n"
        "assert 'pyarrow' in sys.modules and 'pandas' not in sys.modules\n"
    )


def test_making_a_workspace_does_not_either(tmp_path):
    run(
        "import sys\n"
        "from pathlib import Path\n"
        "from storage.config import Config\n"
        "from storage.store import create_store\n"
        f"create_store(Path({str(tmp_path / 'made')!r}), Config(labels=('a', 'b'))).close()\n"
        "assert not {'pandas', 'numpy'} & set(sys.modules)\n"
        "import numpy, pandas\n"
    )
