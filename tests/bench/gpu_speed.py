"""How fast training and scoring are, beside the seed recipe in the same run, on a Falcon-7B shape.

    python tests/bench/gpu_speed.py --data sentiment.csv --tokenizer falcon-tokenizer --out DIR
    python tests/bench/gpu_speed.py ... --small       # a model of a few thousand weights, any CPU
    python tests/bench/gpu_speed.py ... --budget 380  # leave out the last parts when time is short

Every part is a process of its own (gpu_speed_parts.py); one that fails or takes too long is noted
and passed over. After each, gpu_speed.json and gpu_speed.md are written into the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from gpu_speed_table import summary, table  # noqa: E402
from run_log import RunLog  # noqa: E402

from storage.config import Config  # noqa: E402
from storage.store import Store, create_store  # noqa: E402
from storage.transfer import importing  # noqa: E402
from storage.transfer.importing import ImportOptions  # noqa: E402
from workbench.recipes import recipes  # noqa: E402
from workbench.rundir import folder as run_folder  # noqa: E402
from workbench.runs.collecting import collect  # noqa: E402
from workbench.runs.snapshotting import snapshot_training  # noqa: E402

RESERVE = 5.0
"""Seconds kept for the last table."""


class Bench:
    """The parts that were measured so far, and the time that is left."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.began = time.monotonic()
        command = f"--data {args.data.name} --tokenizer {args.tokenizer.name} --out DIR"
        self.result: dict[str, Any] = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "command": f"python tests/bench/gpu_speed.py {command}" + " --small" * args.small,
            "versions": versions(),
            "notes": [],
        }

    @property
    def left(self) -> float:
        """Seconds before the budget is used up."""
        return float(self.args.budget) - RESERVE - (time.monotonic() - self.began)

    def part(self, name: str, needs: float, limit: float, **spec: Any) -> bool:
        """Run a part in a process of its own; `needs` seconds must be left."""
        if self.left < needs:
            self.note(f"{name} left out: {self.left:.0f} s were left")
            return False
        return self.parts({name: spec | {"part": name}}, limit)

    def parts(self, specs: dict[str, dict[str, Any]], limit: float) -> bool:
        """Run parts beside one another, each in a process of its own; true if all went well."""
        until = time.monotonic() + max(5.0, min(limit, self.left))
        processes = {}
        for name, spec in specs.items():
            spec |= {"small": self.args.small, "out": str(self.args.work / f"{name}.json")}
            processes[name] = subprocess.Popen(
                [sys.executable, str(HERE / "gpu_speed_parts.py"), spec["part"], json.dumps(spec)],
                start_new_session=True,
            )
        began = time.monotonic()
        good = [self._ended(name, process, began, until) for name, process in processes.items()]
        self.write()
        return all(good)

    def _ended(
        self, name: str, process: subprocess.Popen[bytes], began: float, until: float
    ) -> bool:
        out = self.args.work / f"{name}.json"
        try:
            ended = process.wait(timeout=max(1.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            ended = -1
            self.note(f"{name} was ended after {time.monotonic() - began:.0f} s")
        if ended > 0:
            self.note(f"{name} failed")
        found = json.loads(out.read_text()) if out.exists() else {}
        self.result[name] = found | {"part_s": round(time.monotonic() - began, 1)}
        return ended == 0

    def note(self, text: str) -> None:
        """Say what did not go as planned."""
        print(f"! {text}", flush=True)
        self.result["notes"].append(text)

    def write(self) -> None:
        """Write what there is."""
        self.result["seconds"] = round(time.monotonic() - self.began, 1)
        out = summary(self.result)
        (self.args.out / "gpu_speed.json").write_text(json.dumps(out, indent=1) + "\n", "utf-8")
        (self.args.out / "gpu_speed.md").write_text(table(out), "utf-8")
        done = [name for name, value in out.items() if isinstance(value, dict)]
        print(f"[{self.result['seconds']:.0f} s] {', '.join(done)}", flush=True)


def main() -> None:
    """Run every part, the most important first, and print the table."""
    args = arguments()
    for folder in (args.work, args.out):
        folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(args)
    base, two = args.base or args.room / "base", args.room / "two-layers"
    if not bench.part("two_layers", 0, 120, tokenizer=str(args.tokenizer), base=str(two), layers=2):
        raise SystemExit("The model could not be made.")
    store = workspace(args.work / "workspace", args.data, two)
    whole = freeze(store, "seed", two, 1, args.small)
    specs = kernels(store, two, args) | {
        "model": {"part": "model", "tokenizer": str(args.tokenizer), "base": str(base)},
        "curves": {"part": "curves", "run": str(whole), "steps": 3 if args.small else 50},
    }
    bench.parts(specs, 200)
    if "linear_parameters" not in bench.result["model"]:
        raise SystemExit("The model could not be made.")
    for name in specs:
        if name.startswith("kernels") and bench.result[name].get("state") != run_folder.DONE:
            raise SystemExit(f"A short run failed, {name}: {bench.result[name]}")
    steps = 6 if args.small else 200
    first = freeze(store, "fast", base, 4 if args.small else 12, args.small)
    before = freeze(store, "fast", base, steps, args.small)
    began = time.monotonic()
    warm = freeze(store, "fast", base, steps, args.small)
    bench.result["freeze_s"] = time.monotonic() - began
    cold = freeze(store, "fast", base, steps, args.small)
    settings = {
        name: freeze(store, "fast", base, count if not args.small else 4, args.small, memory)
        for name, memory, count in (("nf4", "nf4", 60), ("24gb", "24gb", 40), ("8gb", "8gb", 30))
    }
    many = predictions(warm, args.work / "many", 600 if args.small else 50_000)
    bench.part("seed", 40, 90, base=str(base), train=str(warm), steps=4 if args.small else 8)
    runs = {"first": str(first), "before": str(before), "warm": str(warm)}
    bench.part("auto", 60, 290, **runs, many=str(many))
    began = time.monotonic()
    collect(store)
    bench.result["collect_s"] = time.monotonic() - began
    bench.write()
    if bench.left > 45:
        bench.result["cold"] = cold_process(cold, bench)
        began = time.monotonic()
        collect(store)
        bench.result["cold"]["collect_s"] = time.monotonic() - began
        bench.write()
    else:
        bench.note("cold left out")
    bench.part("four_bit", 60, 180, **{name: str(path) for name, path in settings.items()})
    bench.write()
    shutil.rmtree(args.room, ignore_errors=True)
    print((args.out / "gpu_speed.md").read_text("utf-8"), flush=True)


def kernels(store: Store, base: Path, args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Parts that compile on two layers of the same width what the others then find on the disk."""
    runs = {
        memory: freeze(store, "fast", base, 2, args.small, memory)
        for memory in ("auto", "nf4", "8gb")
    }
    runs["scoring"] = predictions(runs["auto"], args.work / "scoring", 64 if args.small else 4_096)
    return {
        f"kernels_{name}": {"part": "kernels", "run": str(folder)} for name, folder in runs.items()
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="where the model and the runs are made")
    parser.add_argument("--base", type=Path, help="where to make the model, which then stays")
    parser.add_argument("--budget", type=float, default=900.0, help="seconds for everything")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    args.work = args.work or Path(tempfile.mkdtemp(prefix="gpu-speed-"))
    memory = Path("/dev/shm")  # quicker to write 14 GB to; they would be read from memory anyway
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 20e9 and not args.small
    args.room = Path(tempfile.mkdtemp(prefix="gpu-speed-", dir=memory if roomy else None))
    return args


def workspace(folder: Path, data: Path, base: Path) -> Store:
    """A workspace with the tweets of the file."""
    store = create_store(folder, Config(labels=("Positive", "Negative"), base=str(base)))
    importing.run(store, importing.plan(store.config, data, ImportOptions()))
    return store


def freeze(
    store: Store, preset: str, base: Path, steps: int, small: bool, memory: str = "auto"
) -> Path:
    """The run folder of a training run that scores all tweets afterwards."""
    overrides = [f"training.max_steps={steps}", f"training.memory={memory}", "training.patience=0"]
    if small:
        overrides += ["quantization.compute_dtype=float32", "training.logging_steps=1"]
    return snapshot_training(store, recipes.load(preset, overrides), str(base), "").path


def predictions(like: Path, folder: Path, count: int) -> Path:
    """The folder of a prediction run over the tweets of another, again and again."""
    folder.mkdir()
    job = replace(run_folder.read_job(like), kind="predict", uid=folder.name)
    job.save(folder)
    texts = pq.read_table(like / run_folder.PREDICT)["text"].to_pylist()
    repeated = [texts[number % len(texts)] for number in range(count)]
    rows = pa.table({"id": pa.array(range(count), pa.int64()), "text": pa.array(repeated)})
    pq.write_table(rows, folder / run_folder.PREDICT)
    return folder


def cold_process(folder: Path, bench: Bench) -> dict[str, Any]:
    """A worker process from nothing to predictions, with the kernels cached by an earlier one."""
    began, at = time.monotonic(), time.time()
    paths = [str(ROOT), os.environ.get("PYTHONPATH")]
    with (folder / run_folder.WORKER_LOG).open("w") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench.worker", str(folder)],
            stdout=printed,
            stderr=printed,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        try:
            process.wait(timeout=max(5.0, min(150.0, bench.left)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            bench.note("cold was ended")
    if process.returncode:
        bench.note("cold failed: " + (folder / run_folder.WORKER_LOG).read_text()[-600:])
    found: dict[str, Any] = {"wall_s": time.monotonic() - began}
    log = RunLog(folder)
    marks = [*log.marks.items()]
    started = marks[0][1] - at if marks else None
    found["phases_s"] = {"process start": started} | {
        {"starting": "imports"}.get(phase, phase): seconds
        for phase, seconds in log.phases_s.items()
    }
    if marks:
        found["phases_s"]["process end"] = at + found["wall_s"] - marks[-1][1]
    found |= {"training_s": log.training_s, "notes": log.notes}
    state = run_folder.read_state(folder)
    return found | {"state": state.state, "reason": state.reason, "peak_gib": state.peak_gib}


def versions() -> dict[str, str]:
    """What it ran on."""
    import torch

    names = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets")
    found = {name: version(name) for name in names} | {"python": platform.python_version()}
    found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return found


if __name__ == "__main__":
    main()
