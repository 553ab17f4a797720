"""The whole loop on a GPU with a Falcon-7B-shaped model, through the product's own worker.

    python tests/bench/gpu_loop.py --data sentiment.csv --tokenizer falcon-tokenizer --out DIR
    python tests/bench/gpu_loop.py ... --small        # a model of a few thousand weights, any CPU

Makes a model with random weights in the shape of Falcon-7B, a workspace from the CSV file, then:
load in NF4, 20 steps of the `seed` preset, 20 of `fast`, scoring of every tweet after each,
export of the adapter and of the merged model, and a reload of both by plain transformers and
peft. Prints a table and writes gpu_loop.json and gpu_loop.md into the folder.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from run_log import RunLog  # noqa: E402

from storage.config import Config  # noqa: E402
from storage.query import tweets  # noqa: E402
from storage.runs import predictions, runs  # noqa: E402
from storage.store import Store, create_store  # noqa: E402
from storage.transfer import importing  # noqa: E402
from storage.transfer.importing import ImportOptions  # noqa: E402
from workbench.recipes import recipes  # noqa: E402
from workbench.rundir import folder as run_folder  # noqa: E402
from workbench.runs.collecting import collect  # noqa: E402
from workbench.runs.snapshotting import snapshot_training  # noqa: E402

SHAPE = {"hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71}
SMALL_SHAPE = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
RELOAD = """
import json, sys, time
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, base, merged, prompts = json.loads(sys.argv[1])
where = {"": 0 if torch.cuda.is_available() else "cpu"}
began = time.time()
tokenizer = AutoTokenizer.from_pretrained(folder)
name = folder if merged else base
model = AutoModelForCausalLM.from_pretrained(name, device_map=where, dtype="auto")
if not merged:
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, folder)
model.eval()
loaded = time.time() - began
ids = json.load(open(folder + "/workbench.json"))["label_token_ids"]
rows = []
with torch.inference_mode():
    for prompt in prompts:
        inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
        logits = model(input_ids=inputs["input_ids"]).logits[0, -1, [answer[0] for answer in ids]]
        rows.append(logits.float().softmax(-1).tolist())
assert "workbench" not in sys.modules
print(json.dumps({"load_s": loaded, "rows": rows}))
"""


def main() -> None:
    """Run every part and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/gpu-loop"))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    args.out.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python tests/bench/gpu_loop.py --data {args.data.name} --tokenizer "
        f"{args.tokenizer.name} --out DIR --steps {args.steps}" + " --small" * args.small,
    }
    base = args.work / "base"
    with timed(result, "make_model_s"):
        # in a process of its own, so that none of its memory is on the GPU afterwards
        shape = SMALL_SHAPE if args.small else SHAPE
        subprocess.run(
            [sys.executable, "-c", MAKE, json.dumps(shape), str(args.tokenizer), str(base)],
            check=True,
        )
    store = workspace(args.work / "workspace", args.data, base)
    overrides = [
        f"training.max_steps={args.steps}",
        "training.logging_steps=1",
        "training.dev_share=0.0",
    ]
    if args.small:
        overrides.append("quantization.compute_dtype=float32")
    for preset in ("seed", "fast"):
        result[preset] = measure(store, preset, base, overrides)
        print(preset, json.dumps(result[preset]), flush=True)
    result["export"] = export_and_reload(store, base, args.work)
    result["versions"] = versions()
    (args.out / "gpu_loop.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    (args.out / "gpu_loop.md").write_text(table(result), "utf-8")
    print(table(result))


MAKE = """
import json, sys
import torch
from transformers import AutoTokenizer, FalconConfig, FalconForCausalLM
shape, tokenizer_folder, folder = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
tokenizer.pad_token = tokenizer.eos_token
end = tokenizer.eos_token_id
config = FalconConfig(
    vocab_size=65024, multi_query=True, parallel_attn=True, bias=False, alibi=False,
    new_decoder_architecture=False, bos_token_id=end, eos_token_id=end, **shape,
)
torch.manual_seed(0)
torch.set_default_dtype(torch.bfloat16)
with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
    model = FalconForCausalLM(config)
model.save_pretrained(folder, max_shard_size="4GB")
tokenizer.save_pretrained(folder)
"""


def workspace(folder: Path, data: Path, base: Path) -> Store:
    """A workspace with the tweets of the file."""
    store = create_store(folder, Config(labels=("Positive", "Negative"), base=str(base)))
    importing.run(store, importing.plan(store.config, data, ImportOptions()))
    print(tweets.counts(store), flush=True)
    return store


def measure(store: Store, preset: str, base: Path, overrides: list[str]) -> dict[str, Any]:
    """Run a preset through the worker and read its figures from the run folder."""
    frozen = snapshot_training(store, recipes.load(preset, overrides), str(base), "")
    began = time.time()
    with (frozen.path / run_folder.WORKER_LOG).open("w") as printed:
        done = subprocess.run(
            [sys.executable, "-m", "workbench.worker", str(frozen.path)],
            stdout=printed,
            stderr=printed,
            check=False,
            env=os.environ | {"PYTHONPATH": python_path()},
        )
    wall = time.time() - began
    if done.returncode:
        print((frozen.path / run_folder.WORKER_LOG).read_text()[-3000:], flush=True)
    collect(store)
    run = runs.get(store, frozen.job.id)
    if run.state != run_folder.DONE:
        raise SystemExit(f"run {run.id} is {run.state}: {run.reason}")
    log = RunLog(frozen.path)
    steps, phases = log.steps, log.phases_s
    skipped = 5  # the first steps warm up
    seconds = (steps[-1]["at"] - steps[skipped - 1]["at"]) / (len(steps) - skipped)
    settings = frozen.job.recipe.training
    assert settings is not None
    return {
        "steps": run.steps,
        "step_s": seconds,
        "train_tweets_s": settings.batch_size * settings.accumulation / seconds,
        "score_tweets_s": run.predictions / phases["predicting"],
        "scored": run.predictions,
        "load_s": phases["loading the base"],
        "peak_gib": run.peak_gib,
        "linear4bit": run.linear4bit,
        "linear_total": run.linear_total,
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
        "wall_s": wall,
    }


def export_and_reload(store: Store, base: Path, work: Path) -> dict[str, Any]:
    """Export the newest run both ways, load it without this package, and compare predictions."""
    run = runs.latest(store, ("qlora",))
    adapter = store.run_folder(run.id) / run_folder.ADAPTER
    some = list(tweets.each(store, "split:test"))[:32]
    ours = {number: row for number, *_, row in predictions.predictions_of(store, run.id)}
    result: dict[str, Any] = {}
    for name, merge in (("adapter", False), ("merged", True)):
        folder = work / name
        with timed(result, f"{name}_export_s"):
            command = [sys.executable, "-c", EXPORT, str(adapter), str(folder), str(int(merge))]
            subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": python_path()})
        prompts = [f"### Human: {tweet.text}\n### Assistant:" for tweet in some]
        spec = json.dumps([str(folder), str(base), merge, prompts])
        printed = subprocess.run(
            [sys.executable, "-c", RELOAD, spec], check=True, capture_output=True, text=True
        ).stdout
        loaded = json.loads(printed.strip().splitlines()[-1])
        pairs = [(ours[tweet.id], row) for tweet, row in zip(some, loaded["rows"], strict=True)]
        result[f"{name}_load_s"] = loaded["load_s"]
        result[f"{name}_same_label"] = sum(
            a.index(max(a)) == b.index(max(b)) for a, b in map(lists, pairs)
        )
        result[f"{name}_compared"] = len(pairs)
        result[f"{name}_largest_difference"] = max(abs(a[0] - b[0]) for a, b in pairs)
        result[f"{name}_mib"] = sum(p.stat().st_size for p in folder.rglob("*")) / 2**20
    return result


EXPORT = """
import sys
from pathlib import Path
from workbench.modeling.export.export import export_model
export_model(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "1")
"""


def lists(pair: tuple[Any, Any]) -> tuple[list[float], list[float]]:
    """Both rows as lists."""
    return list(pair[0]), list(pair[1])


def python_path() -> str:
    """The import path of this process, for its children."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def versions() -> dict[str, str]:
    """What it ran on."""
    import torch

    names = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets")
    found = {name: version(name) for name in names} | {"python": platform.python_version()}
    found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return found


@contextmanager
def timed(result: dict[str, Any], name: str) -> Iterator[None]:
    """Put the seconds of the block into the result."""
    began = time.time()
    yield
    result[name] = time.time() - began


def table(result: dict[str, Any]) -> str:
    """The figures as a Markdown table with the versions under it."""
    rows = [
        ("seconds per step of 16 tweets", "step_s", "{:.3f}"),
        ("tweets/s in training", "train_tweets_s", "{:.1f}"),
        ("tweets/s in scoring", "score_tweets_s", "{:.0f}"),
        ("tweets scored", "scored", "{}"),
        ("peak memory, GiB", "peak_gib", "{:.2f}"),
        ("4-bit linear layers", "linear4bit", "{}"),
        ("linear layers", "linear_total", "{}"),
        ("loading in NF4, s", "load_s", "{:.1f}"),
        ("loss, first step", "first_loss", "{:.3f}"),
        ("loss, last step", "last_loss", "{:.3f}"),
        ("whole run with imports, s", "wall_s", "{:.1f}"),
    ]
    lines = [f"# The loop on {result['versions']['device']}, {result['date']}", ""]
    lines += ["| what | seed preset | fast preset |", "|---|---:|---:|"]
    for title, name, form in rows:
        cells = [form.format(result[preset][name]) for preset in ("seed", "fast")]
        lines.append(f"| {title} | {cells[0]} | {cells[1]} |")
    lines += ["", "| export | adapter | merged |", "|---|---:|---:|"]
    for title, name, form in (
        ("export, s", "export_s", "{:.1f}"),
        ("reload by plain transformers, s", "load_s", "{:.1f}"),
        ("size, MiB", "mib", "{:.0f}"),
        ("same label as the run", "same_label", "{}"),
        ("tweets compared", "compared", "{}"),
        ("largest difference of a probability", "largest_difference", "{:.4f}"),
    ):
        cells = [form.format(result["export"][f"{kind}_{name}"]) for kind in ("adapter", "merged")]
        lines.append(f"| {title} | {cells[0]} | {cells[1]} |")
    lines += ["", ", ".join(f"{name} {value}" for name, value in result["versions"].items())]
    lines += ["", f"`{result['command']}`", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
