"""The parts of gpu_speed.py, each run as a process: `gpu_speed_parts.py NAME SPEC`."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import traceback
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import itertools  # noqa: E402

import bitsandbytes as bnb  # noqa: E402
import psutil  # noqa: E402
import torch  # noqa: E402
from gpu_speed_checks import check, gradient_distance, loss_curves  # noqa: E402
from gpu_speed_profile import profiled  # noqa: E402
from run_log import RunLog  # noqa: E402

from workbench.modeling.base.cache import BaseModelCache  # noqa: E402
from workbench.modeling.base.device_memory import peak_gib  # noqa: E402
from workbench.modeling.base.loading import load_base  # noqa: E402
from workbench.modeling.data.examples import Examples  # noqa: E402
from workbench.modeling.data.prompts import make_prompter  # noqa: E402
from workbench.modeling.trainers import train  # noqa: E402
from workbench.planning.memory_estimate import training_bytes  # noqa: E402
from workbench.recipes import recipes  # noqa: E402
from workbench.rundir import folder as run_folder  # noqa: E402
from workbench.rundir import tables  # noqa: E402
from workbench.rundir.folder import State  # noqa: E402
from workbench.worker.model_job import _examples  # noqa: E402
from workbench.worker.reporter import Reporter  # noqa: E402
from workbench.worker.run import do_run  # noqa: E402

CUDA = torch.cuda.is_available()
SHAPE = {"hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71}
SMALL_SHAPE = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
FOUND: dict[str, Any] = {}
SPEC: dict[str, Any] = {}


class Engine:
    """Does run after run in this process and keeps the base, as `workbench engine` does."""

    def __init__(self) -> None:
        self.cache = BaseModelCache()

    def run(self, folder: Path) -> State:
        """Do the run of a folder and say how it ended."""
        reporter = Reporter(folder)
        if not do_run(run_folder.read_job(folder), folder, reporter, self.cache):
            self.cache.clear()
        return reporter.state


def put(**values: Any) -> None:
    """Keep figures, on the disk too, in case the process comes to an early end."""
    FOUND.update(values)
    Path(SPEC["out"]).write_text(json.dumps(FOUND))
    print(json.dumps(values)[:400], flush=True)


def attempt(part: Any, *args: Any) -> None:
    """Do a part of a part; the next ones go on when it fails."""
    try:
        part(*args)
    except Exception as error:  # a measurement of its own; what failed is in the result
        traceback.print_exc()
        put(**{f"error_{part.__name__}": f"{type(error).__name__}: {error}"[:500]})


def sync() -> None:
    """Wait for the device."""
    if CUDA:
        torch.cuda.synchronize()


def model() -> None:
    """A base with random weights in the shape of Falcon-7B, written by several threads."""
    from safetensors.torch import save_file
    from transformers import AutoTokenizer, FalconConfig, FalconForCausalLM

    folder = Path(SPEC["base"])
    folder.mkdir(parents=True)
    tokenizer = AutoTokenizer.from_pretrained(SPEC["tokenizer"])
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    end = tokenizer.eos_token_id
    layers = {"num_hidden_layers": SPEC["layers"]} if "layers" in SPEC else {}
    config = FalconConfig(
        vocab_size=65024,
        multi_query=True,
        parallel_attn=True,
        bias=False,
        alibi=False,
        new_decoder_architecture=False,
        bos_token_id=end,
        eos_token_id=end,
        **((SMALL_SHAPE if SPEC["small"] else SHAPE) | layers),
    )
    config.architectures, config.dtype = ["FalconForCausalLM"], torch.bfloat16
    config.save_pretrained(folder)
    with torch.device("meta"):
        empty = FalconForCausalLM(config)
    shapes = {
        name: tensor.shape for name, tensor in empty.state_dict().items() if "lm_head" not in name
    }
    generator = torch.Generator("cuda" if CUDA else "cpu").manual_seed(0)
    groups: dict[int, list[str]] = defaultdict(list)
    for number, name in enumerate(shapes):
        groups[number * 8 // len(shapes)].append(name)

    def value(name: str) -> torch.Tensor:
        if len(shapes[name]) == 1:
            return torch.full(shapes[name], float(name.endswith("weight")), dtype=torch.bfloat16)
        return (
            torch.randn(
                shapes[name], generator=generator, device=generator.device, dtype=torch.bfloat16
            )
            .mul_(0.02)
            .cpu()
        )

    files: dict[str, str] = {}
    with ThreadPoolExecutor(8) as pool:
        for number, names in groups.items():
            file = f"model-{number + 1:05}-of-{len(groups):05}.safetensors"
            tensors = {name: value(name) for name in names}
            files |= dict.fromkeys(names, file)
            pool.submit(save_file, tensors, folder / file, {"format": "pt"})
    index = {"metadata": {}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    count = sum(shape.numel() for shape in shapes.values())
    put(
        parameters=count,
        linear_parameters=sum(
            shape.numel()
            for name, shape in shapes.items()
            if len(shape) == 2 and "embed" not in name
        ),
    )


def two_layers() -> None:
    """The model with two layers only."""
    model()


def kernels() -> None:
    """What compiling for the first time takes: a short run on a base of a few layers."""
    from torch._dynamo.utils import compile_times, counters

    put(imports_s=time.monotonic() - BEGAN)
    folder = Path(SPEC["run"])
    began = time.monotonic()
    state = Engine().run(folder)
    put(run_s=time.monotonic() - began, state=state.state, reason=state.reason)
    names, values = compile_times(repr="csv", aggregate=True)
    spent = sorted(zip([float(str(value)) for value in values], names, strict=True), reverse=True)
    put(
        compiling_s={name: seconds for seconds, name in spent[:12]},
        counters={name: dict(counters[name]) for name in ("stats", "inductor", "aot_autograd")},
        notes=RunLog(folder).notes,
    )


def seed() -> None:
    """The repaired seed recipe: stock SFTTrainer, then one tweet at a time through generate."""
    attempt(matmul)
    folder = Path(SPEC["train"])
    job = run_folder.read_job(folder)
    overrides = [f"training.max_steps={SPEC['steps']}", "training.logging_steps=1"]
    overrides += ["quantization.compute_dtype=float32"] * SPEC["small"]
    recipe = recipes.load("seed", overrides)
    assert recipe.quantization is not None  # the seed recipe has this section
    began = time.monotonic()
    base = load_base(str(job.base), recipe.quantization)
    put(load_s=time.monotonic() - began, linear4bit=base.linear4bit)
    put(quantise_s=quantising(base.model))
    prompter = make_prompter(base.tokenizer, job.template, job.labels, job.words, 256)
    examples, _ = _examples(folder / run_folder.TRAIN, job)
    times: list[float] = []

    def report(event: str, **values: Any) -> None:
        if event == "step":
            sync()
            times.append(time.monotonic())

    trained = train(
        base,
        recipe,
        prompter,
        examples,
        Examples([], []),
        Path(SPEC["out"]).with_suffix(".checkpoints"),
        report,
        lambda: False,
    )
    steps = [after - before for before, after in itertools.pairwise(times)]
    put(step_s=sum(steps) / len(steps), steps_s=steps, peak_gib=peak_gib())
    put(tweets_s=16 / FOUND["step_s"])
    tuned = trained.model.eval()
    tuned.config.use_cache = True
    texts = examples.texts[:22]
    seconds = []
    for text in texts:
        sync()
        began = time.monotonic()
        tokens = base.tokenizer(prompter.as_text(text), return_tensors="pt").to(tuned.device)
        tokens.pop("token_type_ids", None)
        tuned.generate(
            **tokens,
            max_new_tokens=1,
            num_return_sequences=1,
            repetition_penalty=2.0,
            do_sample=True,
            temperature=0.7,
            top_k=2,
            top_p=0.95,
            pad_token_id=base.tokenizer.eos_token_id,
        )
        sync()
        seconds.append(time.monotonic() - began)
    put(generate_tweets_s=(len(texts) - 2) / sum(seconds[2:]), generated=len(texts) - 2)


def quantising(model: Any) -> float:
    """Seconds that it takes to quantise all 4-bit layers of a model once more, and nothing else."""
    spent = 0.0
    for layer in model.modules():
        if isinstance(layer, bnb.nn.Linear4bit):
            state = layer.weight.quant_state
            weight = bnb.functional.dequantize_4bit(layer.weight.data, state)
            sync()
            began = time.monotonic()
            bnb.functional.quantize_4bit(weight, quant_type=state.quant_type)
            sync()
            spent += time.monotonic() - began
    return spent


def matmul() -> None:
    """What a bf16 matmul of this device reaches, in TFLOP/s, at two sizes."""
    size = 8192 if CUDA else 512
    device = "cuda" if CUDA else "cpu"
    rates = {}
    for rows in (size, 1024 if CUDA else 128):
        a = torch.randn(rows, size, device=device, dtype=torch.bfloat16)
        b = torch.randn(size, size, device=device, dtype=torch.bfloat16)
        for _ in range(5):
            a @ b
        sync()
        count = 60 if CUDA else 3
        began = time.monotonic()
        for _ in range(count):
            a @ b
        sync()
        rates[rows] = 2 * rows * size * size * count / (time.monotonic() - began) / 1e12
    put(matmul_tflops=rates[size], matmul_1024_rows_tflops=rates[min(rates)])
    put(matmul_sustained_tflops=sustained(size, device))


def sustained(size: int, device: str) -> float:
    """TFLOP/s of one matrix product for three seconds on end: what a device can keep up."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    began, count = time.monotonic(), 0
    while time.monotonic() - began < (3.0 if CUDA else 0.1):
        for _ in range(20 if CUDA else 1):
            a @ b
        sync()
        count += 20 if CUDA else 1
    return 2 * size**3 * count / (time.monotonic() - began) / 1e12


def auto() -> None:
    """The engine: a run that compiles, one of more shapes, the warm one, then a prediction run."""
    put(imports_s=time.monotonic() - BEGAN)
    attempt(matmul)
    engine = Engine()
    attempt(one_run, engine, "first", Path(SPEC["first"]))
    attempt(one_run, engine, "before", Path(SPEC["before"]))
    attempt(one_run, engine, "warm", Path(SPEC["warm"]))
    attempt(lambda: put(profile=profiled(engine.run, Path(SPEC["first"]))))
    attempt(scored, engine, "many", Path(SPEC["many"]), Path(SPEC["warm"]) / run_folder.ADAPTER)


def four_bit() -> None:
    """The base kept in 4-bit: three memory settings, and whether everything computes right."""
    engine = Engine()
    attempt(one_run, engine, "nf4", Path(SPEC["nf4"]))
    attempt(lambda: put(profile=profiled(engine.run, Path(SPEC["nf4"]))))
    attempt(correctness, engine, Path(SPEC["nf4"]))
    attempt(gradient, engine, Path(SPEC["nf4"]))
    for name in ("24gb", "8gb"):
        attempt(one_run, engine, name, Path(SPEC[name]))


def one_run(engine: Engine, name: str, folder: Path) -> None:
    """A run through the engine; figures from its log, as anybody can read them."""
    compiled = compiling_s()
    began = time.monotonic()
    state = engine.run(folder)
    wall = time.monotonic() - began
    if state.state != run_folder.DONE:
        raise RuntimeError(f"{folder} is {state.state}: {state.reason}")
    log = RunLog(folder)
    job = run_folder.read_job(folder)
    rows = tables.read_snapshot(folder / run_folder.TRAIN)
    per_step = len(rows.ids) / -(-len(rows.ids) // 16)
    tokens = token_count(job, rows.texts) / len(rows.ids) * per_step
    first, last, step = log.steps[0], log.steps[-1], log.step_s
    assert step is not None
    put(
        **{
            name: {
                "wall_s": wall,
                "compiling_s": compiling_s() - compiled,
                "phases_s": log.phases_s,
                "training_s": log.training_s,
                "step_s": step,
                "tweets_per_step": per_step,
                "tweets_s": per_step / step,
                "tokens_per_step": tokens,
                "steps": state.step,
                "peak_training_gib": last["memory_gib"],
                "peak_run_gib": state.peak_gib,
                "reserved_gib": torch.cuda.max_memory_reserved() / 2**30 if CUDA else 0,
                "whole_training_step_s": (last["at"] - first["at"])
                / (last["step"] - first["step"]),
                "losses": [values["loss"] for values in log.steps],
                "notes": log.notes,
                "estimated_training_gib": estimated(job, log.notes),
            }
        }
    )


def compiling_s() -> float:
    """Seconds that this process has spent on compiling, or on fetching what was compiled."""
    from torch._dynamo.utils import compile_times

    names, values = compile_times(repr="csv", aggregate=True)
    spent = dict(zip(names, [float(str(value)) for value in values], strict=True))
    return spent.get("_compile.compile_inner", 0.0)


def estimated(job: run_folder.Job, notes: list[str]) -> float:
    """What `train --dry-run` says of the peak, for the setting and the longest pass of a run."""
    said = "\n".join(notes)
    [setting] = re.findall(r"^memory (\S+):", said, re.MULTILINE)
    [tokens] = re.findall(r"^the longest batch fits: ([\d,]+) tokens", said, re.MULTILINE)
    recipe = recipes.with_overrides(job.recipe, [f"training.memory={setting}"])
    size = training_bytes(
        str(job.base), recipe, int(tokens.replace(",", "")), "cuda" if CUDA else "cpu"
    )
    return size / 2**30


@lru_cache
def tokenizer_of(base: str) -> Any:
    """The tokenizer of a base, loaded once."""
    from workbench.modeling.base.loading import load_tokenizer

    return load_tokenizer(base)


def in_order_of_work(folder: Path) -> list[int]:
    """The tokens of each prompt of a prediction run, in the order in which they are scored."""
    job = run_folder.read_job(folder)
    length: dict[str, int] = {}
    found: list[int] = []
    for _, texts in tables.read_windows(folder / run_folder.PREDICT):
        for text in texts:
            if text not in length:
                length[text] = token_count(job, [text])
        found += sorted(length[text] for text in texts)
    return found


def token_count(job: run_folder.Job, texts: list[str]) -> int:
    """The tokens of the prompts of these texts, as the model sees them."""
    assert job.recipe.training is not None
    length = job.recipe.training.max_length
    tokenizer = tokenizer_of(str(job.base))
    prompter = make_prompter(tokenizer, job.template, job.labels, job.words, length)
    return sum(map(len, prompter.encode(texts)))


def scored(engine: Engine, name: str, folder: Path, adapter: Path) -> None:
    """A prediction run; the rate from its log, and the memory while it goes."""
    import shutil

    shutil.copytree(adapter, folder / run_folder.ADAPTER)
    samples: list[tuple[float, float, float]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0 if CUDA else 0.2):
            used = torch.cuda.memory_reserved() / 2**30 if CUDA else 0.0
            resident = psutil.Process().memory_info().rss / 2**30
            samples.append((time.time(), resident, used))

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.monotonic()
    try:
        state = engine.run(folder)
    finally:
        over.set()
        thread.join()
    if state.state != run_folder.DONE:
        raise RuntimeError(f"{folder} is {state.state}: {state.reason}")
    wall = time.monotonic() - began
    log = RunLog(folder)
    lines, seconds = log.of_kind("scored"), log.phases_s["predicting"]
    lengths = in_order_of_work(folder)
    figures: dict[str, Any] = {
        "tweets": len(lengths),
        "wall_s": wall,
        "predicting_s": seconds,
        "tweets_s_with_start": len(lengths) / seconds,
        "tokens_per_tweet": sum(lengths) / len(lengths),
        "peak_gib": state.peak_gib,
        "lines": [(v["at"], v["done"]) for v in lines],
    }
    figures["tweets_s"] = figures["tweets_s_with_start"]
    if len(lines) > 2:
        # a window is scored from its shortest tweet to its longest, so tokens tell the rate
        first, last = lines[0], lines[-1]
        tokens = sum(lengths[first["done"] : last["done"]])
        rate = tokens / (last["at"] - first["at"])
        figures["tweets_s"] = rate / figures["tokens_per_tweet"]
    late = [s for s in samples if s[0] > log.marks["predicting"] + seconds * 0.4]
    if len(late) > 2:
        minutes = (late[-1][0] - late[0][0]) / 60
        scored_then = figures["tweets_s"] * minutes * 60
        for place, what in ((1, "host"), (2, "device")):
            grown = late[-1][place] - late[0][place]
            figures[f"{what}_gib"] = late[-1][place]
            figures[f"{what}_mib_per_10k_tweets"] = grown * 1024 / max(scored_then, 1) * 1e4
    put(**{name: figures})


def correctness(engine: Engine, folder: Path) -> None:
    """The checks of tests/modeling on this device, with the model of this size."""
    engine.cache.tidy()
    assert engine.cache.base is not None
    put(correctness=check(engine.cache.base, folder))


def gradient(engine: Engine, folder: Path) -> None:
    """The gradient of a packed step against one tweet at a time."""
    assert engine.cache.base is not None
    put(gradient_relative_distance=gradient_distance(engine.cache.base, folder))


def curves() -> None:
    """The loss over whole texts with the stock trainer and with ours, on a base of a few layers."""
    put(curves=loss_curves(Path(SPEC["run"]), SPEC["steps"], SPEC["small"]))


def main() -> None:
    """Run the part that the command line names."""
    name, spec = sys.argv[1], json.loads(sys.argv[2])
    SPEC.update(spec)
    os.umask(0o077)
    put()
    globals()[name]()


if __name__ == "__main__":
    main()
