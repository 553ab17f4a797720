"""A base on one GPU, on two that hold it each, and on two that share it, on a Falcon-7B shape.

    python tests/bench/gpu_shards.py --data sentiment.csv --tokenizer falcon-tokenizer --out DIR
    python tests/bench/gpu_shards.py ... --small    # a model of a few thousand weights, any CPU

The same ten steps three times; the losses have to agree. Layers are not compiled, so that the
figures tell the three apart and nothing else. After each run gpu_shards.json and gpu_shards.md are
written into the folder.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import psutil  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from gpu_speed import versions, workspace  # noqa: E402
from run_log import RunLog  # noqa: E402

from storage.store import Store  # noqa: E402
from workbench.recipes import recipes  # noqa: E402
from workbench.rundir import folder as run_folder  # noqa: E402
from workbench.runs.launchers.local import worker_command  # noqa: E402
from workbench.runs.launchers.torchrun import torchrun_command  # noqa: E402
from workbench.runs.snapshotting import snapshot_training  # noqa: E402

STEPS = 10
LIMIT_S = 110.0
"""Seconds that one run may take."""
RUNS = {
    "one GPU": ("8gb", 1),
    "two GPUs, a base each": ("8gb", 2),
    "two GPUs, one base shared": ("sharded", 2),
}
"""Memory setting and processes; both settings compute activations twice, 1,024 tokens a pass."""
ALIKE = 0.05
"""How far the loss of a step may be from that on one GPU, in nats: rounding in 16 bits."""


def main() -> None:
    """Make the model, do the runs, print the table; exit status 1 if something failed."""
    args = arguments()
    began = time.monotonic()
    result: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "steps": STEPS,
        "runs": {},
        "command": f"python tests/bench/gpu_shards.py --data {args.data.name} "
        f"--tokenizer {args.tokenizer.name} --out DIR" + " --small" * args.small,
    }
    base = args.base or args.room / "base"
    try:
        if not base.is_dir():
            make_model(args, base)
        result["model_s"] = time.monotonic() - began
        store = workspace(args.work / "workspace", args.data, base)
        for name, (memory, gpus) in RUNS.items():
            folder = freeze(store, base, memory, args.small)
            result["runs"][name] = one_run(folder, gpus)
            result["seconds"] = round(time.monotonic() - began, 1)
            compare(result)
            (args.out / "gpu_shards.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
            (args.out / "gpu_shards.md").write_text(table(result), "utf-8")
            print(table(result), flush=True)
    finally:
        shutil.rmtree(args.room, ignore_errors=True)
    runs = result["runs"].values()
    if not all(run["state"] == run_folder.DONE and run.get("alike", True) for run in runs):
        raise SystemExit("A run failed, or its losses are others; see above.")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="a base that gpu_speed.py has made")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    args.work = Path(tempfile.mkdtemp(prefix="gpu-shards-"))
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 20e9 and not args.small
    args.room = Path(tempfile.mkdtemp(prefix="gpu-shards-", dir=memory if roomy else None))
    return args


def make_model(args: argparse.Namespace, base: Path) -> None:
    """The base of gpu_speed.py, in a process of its own that leaves the GPU afterwards."""
    spec = {
        "base": str(base),
        "tokenizer": str(args.tokenizer),
        "small": args.small,
        "out": str(args.work / "model.json"),
    }
    command = [sys.executable, str(HERE / "gpu_speed_parts.py"), "model", json.dumps(spec)]
    subprocess.run(command, check=True, timeout=120)


def freeze(store: Store, base: Path, memory: str, small: bool) -> Path:
    """The folder of a run of some steps that scores an odd number of tweets afterwards."""
    overrides = [
        f"training.memory={memory}",
        f"training.max_steps={STEPS}",
        "training.logging_steps=1",
        "training.save_steps=5",
        "training.keep_best=false",
        "training.warmup=0.0",
        "lora.dropout=0.0",
    ]
    overrides += ["quantization.compute_dtype=float32"] * small
    return snapshot_training(store, recipes.load("fast", overrides), str(base), "id:<=301").path


def one_run(folder: Path, gpus: int) -> dict[str, Any]:
    """Do a run as `workbench train` would, and read its figures from its folder."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TORCHDYNAMO_DISABLE": "1",
    }
    began = time.monotonic()
    with (folder / run_folder.WORKER_LOG).open("w") as printed:
        process = subprocess.Popen(
            torchrun_command(folder, gpus) if gpus > 1 else worker_command(folder),
            stdout=printed,
            stderr=printed,
            env=environment,
            start_new_session=True,
        )
        with Watch(process.pid) as watch:
            try:
                process.wait(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    state = run_folder.read_state(folder)
    log = RunLog(folder)
    if state.state != run_folder.DONE:
        print((folder / run_folder.WORKER_LOG).read_text()[-6000:], flush=True)
    return {
        "state": state.state,
        "reason": state.reason,
        "wall_s": time.monotonic() - began,
        "losses": [values["loss"] for values in log.steps],
        "dev_losses": [values["loss"] for values in log.of_kind("dev")],
        "positive": positive(folder),
        "gradients": [values["grad_norm"] for values in log.steps],
        "step_s": log.step_s,
        "peak_gib": state.peak_gib,
        "used_gib": watch.most,
        "phases_s": log.phases_s,
        "notes": log.notes,
    }


def positive(folder: Path) -> list[float]:
    """The first probability of each tweet that a run has scored."""
    path = folder / run_folder.PREDICTIONS
    if not path.exists():
        return []
    return [row[0] for row in pq.read_table(path)["probabilities"].to_pylist()]


class Watch:
    """Looks at the memory of all GPUs, or of a process and its children, until it is left."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.most: list[float] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(0.3):
            used = self._of_gpus() if shutil.which("nvidia-smi") else self._of_processes()
            self.most = [max(pair) for pair in itertools.zip_longest(self.most, used, fillvalue=0)]

    def _of_gpus(self) -> list[float]:
        asked = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        return [int(line) / 1024 for line in done.stdout.split() if line.isdecimal()]

    def _of_processes(self) -> list[float]:
        try:
            family = psutil.Process(self.pid).children(recursive=True)
            return [process.memory_info().rss / 2**30 for process in family]
        except psutil.NoSuchProcess:
            return []


def compare(result: dict[str, Any]) -> None:
    """Set each run beside the first."""
    reference, *others = result["runs"].values()
    for run in others:
        run["off"] = furthest(reference, run, "losses")
        run["dev_off"] = furthest(reference, run, "dev_losses")
        run["scores_off"] = furthest(reference, run, "positive")
        run["alike"] = len(run["losses"]) == STEPS and run["off"] <= ALIKE


def furthest(reference: dict[str, Any], run: dict[str, Any], key: str) -> float | None:
    """The largest distance between the figures of two runs."""
    pairs = zip(reference[key], run[key], strict=False)
    return max((abs(a - b) for a, b in pairs), default=None)


def table(result: dict[str, Any]) -> str:
    """The figures as a page."""
    found = result["versions"]
    lines = [
        "# One base on two GPUs",
        "",
        f"{result['date']}, {found['device']}, "
        + ", ".join(f"{name} {value}" for name, value in found.items() if name != "device")
        + ".",
        f"`{result['command']}`, {result['seconds']:.0f} s in all. {STEPS} steps of 16 tweets, "
        "layers not compiled.",
        "",
        "| | state | s/step | peak GiB of a GPU (PyTorch) | used GiB of each GPU | loading s | "
        "loss first, last | furthest from one GPU: loss | dev loss | probability |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, run in result["runs"].items():
        ends = [f"{loss:.4f}" for loss in run["losses"][:: max(1, len(run["losses"]) - 1)]]
        used = ", ".join(f"{gib:.1f}" for gib in run["used_gib"])
        distances = (run.get(key) for key in ("off", "dev_off", "scores_off"))
        off = ("" if value is None else f"{value:.4f}" for value in distances)
        step, peak = (f"{run[key] or float('nan'):.3f}" for key in ("step_s", "peak_gib"))
        loading = run["phases_s"].get("loading the base", float("nan"))
        cells = (name, run["state"], step, peak, used, f"{loading:.1f}", " ".join(ends), *off)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "Losses step by step:", ""]
    for name, run in result["runs"].items():
        lines.append(f"- {name}: {' '.join(f'{loss:.4f}' for loss in run['losses'])}")
        lines += [f"  - {note}" for note in run["notes"]]
        lines += [f"  - {run['reason']}"] if run["reason"] else []
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
