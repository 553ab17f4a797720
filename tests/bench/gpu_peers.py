"""QLoRA with this program beside stock TRL and unsloth: a Llama-7B shape, one card, one call.

    python tests/bench/gpu_peers.py --data sentiment.csv --tokenizer falcon-tokenizer --out DIR
    python tests/bench/gpu_peers.py ... --small       # a model of a few thousand weights, any CPU
    python tests/bench/gpu_peers.py ... --budget 570  # leave out the last parts when time is short

All train rank 16 on every linear layer of the same random weights, on the same tweets, 16 a step
with no dropout. Every part is a process of its own (gpu_peers_parts.py); one that fails or takes
too long is noted and passed over. After each, gpu_peers.json and gpu_peers.md are written.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

PARTS: dict[str, dict[str, Any]] = {
    "ours, nf4": {"part": "ours", "memory": "nf4"},
    "ours, nf4, again": {"part": "ours", "memory": "nf4"},
    "unsloth": {"part": "unsloth"},
    "TRL": {"part": "trl"},
    "ours, auto": {"part": "ours", "memory": "auto"},
    "unsloth, padding-free": {"part": "unsloth", "padding_free": True},
    "unsloth, checkpointing": {"part": "unsloth", "checkpointing": True},
    "TRL, checkpointing": {"part": "trl", "checkpointing": True},
    "ours, 8gb": {"part": "ours", "memory": "8gb"},
}
"""What is measured, the most important first."""
NEEDS_S = 45.0
"""Seconds that must be left for a part to begin."""


def main() -> None:
    """Make the model, measure every part, write the table after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=900.0, help="seconds for everything")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--small", action="store_true")
    parser.add_argument(
        "--only", action="append", help="a part, by the beginning of its name; repeatable"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    memory = Path("/dev/shm")  # quicker to write 14 GB to
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 20e9 and not args.small
    room = Path(tempfile.mkdtemp(prefix="gpu-peers-", dir=memory if roomy else None))
    began = time.monotonic()
    shared: dict[str, Any] = {
        "base": str(room / "base"),
        "data": str(args.data.resolve()),
        "tokenizer": str(args.tokenizer.resolve()),
        "steps": args.steps,
        "small": args.small,
    }
    command = f"--data {args.data.name} --tokenizer {args.tokenizer.name} --out DIR"
    result: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python tests/bench/gpu_peers.py {command}" + " --small" * args.small,
        "notes": [],
        "parts": {},
    }
    try:
        result["base"] = measured("base", shared | {"part": "base"}, room, 150)
        for name, spec in PARTS.items():
            if args.only and not name.startswith(tuple(args.only)):
                continue
            left = args.budget - (time.monotonic() - began) - 5
            if left < NEEDS_S and not args.small:
                result["notes"].append(f"{name} left out: {left:.0f} s were left")
                continue
            result["parts"][name] = measured(name, shared | spec, room, left)
            write(result, args.out)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    write(result, args.out)
    print((args.out / "gpu_peers.md").read_text("utf-8"), flush=True)


def measured(name: str, spec: dict[str, Any], room: Path, limit: float) -> dict[str, Any]:
    """What a part found, in a process of its own that is ended after `limit` seconds."""
    out = room / "part.json"
    out.unlink(missing_ok=True)
    spec = spec | {
        "out": str(out),
        "work": str(Path(tempfile.mkdtemp(dir=room))),
        "at": time.time(),
    }
    print(f"== {name}", flush=True)
    process = subprocess.Popen(
        [sys.executable, str(HERE / "gpu_peers_parts.py"), json.dumps(spec)],
        start_new_session=True,
        cwd=spec["work"],  # unsloth writes what it compiled into the current folder
    )
    problem = None
    try:
        if process.wait(timeout=limit):
            problem = f"failed with status {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        problem = f"ended after {limit:.0f} s"
    found: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    if problem:
        print(f"! {name} {problem}", flush=True)
        found["problem"] = problem
    return found | {"seconds": time.time() - spec["at"]}


def write(result: dict[str, Any], out: Path) -> None:
    """Write the figures, and the page that shows them."""
    (out / "gpu_peers.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    parts: dict[str, dict[str, Any]] = result["parts"]
    peers = [
        figures["tweets_s"]
        for name, figures in parts.items()
        if not name.startswith("ours") and "tweets_s" in figures
    ]
    best = max(peers, default=None)
    size = result["base"].get("parameters", 0) / 1e9
    lines = [
        "# Training beside other programs",
        "",
        f"{result['date']}, {result['base'].get('device')}: `{result['command']}`",
        "",
        f"A Llama-7B shape with random weights ({size:.2f} billion), rank 16 on all linear layers, "
        "no dropout, the tweets of Surge AI's stock sentiment set, 16 a step (its median). Each "
        "row is a process of its own on the same card; seconds to the first step count from its "
        "start, imports, loading and compiling included.",
        "",
        "| program | tweets/s | × the best peer | peak, GiB | s to the first step | versions |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, figures in parts.items():
        if "tweets_s" not in figures:
            lines.append(f"| {name} | {figures.get('problem', 'no figure')} | | | | |")
            continue
        ratio = f"{figures['tweets_s'] / best:.1f}" if best else ""
        peak = f"{figures['peak_gib']:.1f}" if figures.get("peak_gib") else ""
        rate, first = f"{figures['tweets_s']:.0f}", f"{figures['first_step_s']:.0f}"
        cells = (name, rate, ratio, peak, first, figures.get("versions", ""))
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *(f"- {note}" for note in result["notes"])]
    (out / "gpu_peers.md").write_text("\n".join(lines).rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    main()
