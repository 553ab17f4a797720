"""Why a run failed: one sentence with what to do, each provoked as really as a test can."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from storage.errors import UserError
from workbench.rundir.folder import FAILED, read_job, read_state
from workbench.worker import failure_reasons
from workbench.worker.failure_reasons import (
    DISK_FULL,
    NO_KERNEL,
    NO_MEMORY,
    OLD_DRIVER,
    OUT_OF_MEMORY,
    reason_of,
)
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run


def test_what_is_not_known_is_told_on_one_line():
    error = RuntimeError("shape '[3]' is invalid\nfor input of size 7")
    assert reason_of(error) == (
        "RuntimeError: shape '[3]' is invalid for input of size 7 (details in worker.log)."
    )
    assert reason_of(UserError("Do this.")) == "Do this."


def test_the_cause_counts_and_not_what_it_was_wrapped_in():
    try:
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            raise UserError("The base cannot be loaded; check its name.") from None
    except UserError as error:
        assert reason_of(error) == failure_reasons.DISK_FULL


SAID = {
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of "
    "79.25 GiB": OUT_OF_MEMORY,
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other "
    "API call": OUT_OF_MEMORY,
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`": OUT_OF_MEMORY,
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU "
    "driver": OLD_DRIVER,
    "Unexpected error from cudaGetDeviceCount(). Error 35: CUDA driver version is insufficient for "
    "CUDA runtime version": OLD_DRIVER,
    "CUDA error: no kernel image is available for execution on the device": NO_KERNEL,
    "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4398046511104 bytes.": NO_MEMORY,
    "[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0": DISK_FULL,
}


@pytest.mark.models
@pytest.mark.parametrize("words", SAID)
def test_libraries_are_known_by_their_words(words):
    from workbench.modeling.base.out_of_memory import is_out_of_memory

    error = RuntimeError(words)
    assert reason_of(error) == SAID[words]
    short = SAID[words] in (failure_reasons.OUT_OF_MEMORY, failure_reasons.NO_MEMORY)
    assert is_out_of_memory(error) == short  # so that a smaller pass is tried


def reason_for(fails):
    """The reason of the error that a function raises."""
    with pytest.raises(Exception) as raised:
        fails()
    return reason_of(raised.value)


@pytest.mark.models
def test_memory_that_is_not_there():
    import numpy
    import torch

    assert reason_for(lambda: torch.empty(2**50)) == failure_reasons.NO_MEMORY
    assert reason_for(lambda: numpy.zeros(2**50)) == failure_reasons.NO_MEMORY


@pytest.mark.models
def test_a_gpu_that_is_full():
    import torch

    def fails():
        raise torch.OutOfMemoryError("out of memory")

    assert reason_for(fails) == failure_reasons.OUT_OF_MEMORY


@pytest.mark.models
def test_a_driver_that_is_too_old_is_no_reason_to_train_on_the_cpu(monkeypatch):
    """torch says so in a warning only."""
    import torch

    from workbench.modeling.base.machine import require_usable_gpu

    require_usable_gpu()
    said = "CUDA initialization: The NVIDIA driver on your system is too old (found 11040)."
    monkeypatch.setattr(torch.cuda, "is_available", lambda: warnings.warn(said, stacklevel=2))
    assert reason_for(require_usable_gpu) == failure_reasons.OLD_DRIVER


@pytest.mark.models
def test_a_bitsandbytes_without_kernels_for_the_gpu():
    """Its own words, said by the stand-in that it puts in the place of a missing library."""
    from bitsandbytes.cextension import ErrorHandlerMockBNBNativeLibrary

    missing = ErrorHandlerMockBNBNativeLibrary(
        "libbitsandbytes_cuda999.so: cannot open shared object file"
    )
    assert (
        reason_for(lambda: missing.cdequantize_blockwise_bf16_nf4())
        == failure_reasons.NO_BITSANDBYTES
    )


# Whole runs


def reason_in(run):
    """What the folder of a run says of its end."""
    state = read_state(run)
    assert state.state == FAILED
    assert "\n" not in state.reason
    return state.reason


def failed(run, work, **options):
    """The reason of a run in a process of its own."""
    process = work(run, **options)
    assert process.returncode == 1, process.err
    return reason_in(run)


def failed_here(run):
    """The reason of a run in this process, which has the libraries of models already."""
    assert not do_run(read_job(run), run, Reporter(run))
    return reason_in(run)


@pytest.fixture
def hub_run(make_model_run, tmp_path):
    """Makes a run on a hub name, and the environment that asks a hub at an address."""
    run = make_model_run(base="someone/gated-model")
    values = {
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "0",
    }
    return run, lambda address: values | {"HF_ENDPOINT": address}


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached(hub_run, work):
    run, environment = hub_run
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        reason = failed(run, work, env=environment(address), fork=False)
    assert reason == failure_reasons.UNREACHABLE
    assert "the base is no folder here" in reason, "the name may be a folder with a slip in it"


@pytest.mark.slow
def test_a_model_that_is_gated(hub_run, work, tmp_path):
    """The worker is forked and has imported the hub's library, which reads its environment anew."""
    program = (
        "import importlib\nfrom huggingface_hub import constants\nimportlib.reload(constants)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(program)

    class Gate(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"error": "Access to model someone/gated-model is restricted."})
            self.send_response(403)
            self.send_header("X-Error-Code", "GatedRepo")
            self.send_header("X-Error-Message", "Access to model is restricted.")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body.encode())

        do_HEAD = do_GET

        def log_message(self, *arguments):
            pass

    run, environment = hub_run
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        there = environment(f"http://127.0.0.1:{server.server_port}")
        reason = failed(run, work, env=there | {"PYTHONPATH": str(tmp_path)})
    finally:
        server.shutdown()
    assert reason == failure_reasons.GATED.format("someone/gated-model")


@pytest.mark.slow
def test_a_disk_that_is_full(make_model_run, tmp_path):
    """A real one of a few megabytes, which the first checkpoint fills."""
    run = make_model_run("lora.r=64")
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(path.stat().st_size for path in run.iterdir()) + 400_000
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk here")
    try:
        there = shutil.copytree(run, disk / "1")
        assert failed_here(there) == failure_reasons.DISK_FULL
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def limited(tmp_path):
    """Gives the variables with which a worker begins by setting itself a limit."""

    def limit(name, most):
        program = f"import resource\nresource.setrlimit(resource.{name}, ({most}, {most}))\n"
        (tmp_path / "sitecustomize.py").write_text(program)
        return {"PYTHONPATH": str(tmp_path)}

    return limit


@pytest.mark.slow
def test_a_machine_that_gives_no_more_memory(make_model_run, work, limited):
    """Enough to load the libraries and the base, and too little for the adapter."""
    run = make_model_run("lora.r=8192")  # weights that no smaller batch makes fit

    assert failed(run, work, env=limited("RLIMIT_DATA", 550 * 2**20)) == failure_reasons.NO_MEMORY


@pytest.mark.slow
def test_a_limit_on_the_size_of_files(make_model_run, work, limited):
    run = make_model_run("lora.r=64")

    reason = failed(run, work, env=limited("RLIMIT_FSIZE", 200_000))
    assert reason in (failure_reasons.FILE_TOO_LARGE, failure_reasons.DISK_FULL)


@pytest.mark.slow
def test_a_loss_that_is_no_number(make_model_run, repository, tmp_path):
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(repository / "sample_data" / "base", tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    name = next(name for name in weights if "ln_f.weight" in name)
    weights[name].fill_(float("nan"))
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    assert failed_here(make_model_run(base=base)) == failure_reasons.NAN_LOSS.format(1)
