"""Where compiled kernels are kept, and whether there are any."""

from __future__ import annotations

from workbench.planning.kernel_cache import kernel_cache_folder, kernels_kept


def test_folders_alone_are_no_kernels(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not kernels_kept()
    (folder := kernel_cache_folder() / "triton" / "0").mkdir(parents=True)
    assert folder.is_relative_to(tmp_path) and not kernels_kept()
    (folder / "kernel.cubin").write_bytes(b"")
    assert kernels_kept()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert kernel_cache_folder() == tmp_path / "elsewhere" and not kernels_kept()
