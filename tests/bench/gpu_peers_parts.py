"""The parts of gpu_peers.py, each run as a process: `gpu_peers_parts.py SPEC`."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

SPEC: dict[str, Any] = json.loads(sys.argv[1])
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "WANDB_DISABLED": "true",
    "UNSLOTH_DISABLE_STATISTICS": "1",
}
if SPEC["part"] == "ours":  # as its worker is started
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]
RANK, ALPHA, RATE, BATCH, LENGTH = 16, 32, 2e-4, 16, 256
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PAD = ">>SUFFIX<<"
"""A token that no tweet has: unsloth refuses one that also ends a text."""
SHAPE = {"hidden_size": 4096, "intermediate_size": 11008, "layers": 32, "heads": 32}
SMALL_SHAPE = {"hidden_size": 128, "intermediate_size": 256, "layers": 2, "heads": 4}


def put(**values: Any) -> None:
    """Write the figures."""
    Path(SPEC["out"]).write_text(json.dumps(values))
    print(json.dumps(values)[:400], flush=True)


def base() -> None:
    """The model that all train, with random weights."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(SPEC["tokenizer"])
    tokenizer.pad_token = PAD
    tokenizer.save_pretrained(SPEC["base"])
    shape = SMALL_SHAPE if SPEC["small"] else SHAPE
    config = LlamaConfig(
        vocab_size=65024,
        hidden_size=shape["hidden_size"],
        intermediate_size=shape["intermediate_size"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["heads"],
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_position_embeddings=2048,
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config)
    model.save_pretrained(SPEC["base"], max_shard_size="4GB")
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    put(parameters=sum(weight.numel() for weight in model.parameters()), device=name)


def ours() -> None:
    """A run of the recipe `fast` in a worker, read from its log."""
    from gpu_speed_parts import Engine
    from run_log import RunLog

    from storage.config import Config
    from storage.store import create_store
    from storage.transfer import importing
    from storage.transfer.importing import ImportOptions
    from workbench.recipes import recipes
    from workbench.rundir import folder as run_folder
    from workbench.runs.snapshotting import snapshot_training

    config = Config(labels=("Positive", "Negative"), base=SPEC["base"], test_share=0.0)
    store = create_store(Path(SPEC["work"]) / "workspace", config)
    importing.run(store, importing.plan(store.config, Path(SPEC["data"]), ImportOptions()))
    overrides = [
        f"training.max_steps={SPEC['steps']}",
        f"training.memory={SPEC['memory']}",
        f"lora.r={RANK}",
        f"lora.alpha={ALPHA}",
        "lora.dropout=0.0",
        "training.patience=0",
        "training.keep_best=false",
        "training.dev_share=0.0",
    ]
    if SPEC["small"]:
        overrides += ["quantization.compute_dtype=float32"]
    recipe = recipes.load("fast", overrides)
    folder = snapshot_training(store, recipe, SPEC["base"], "").path
    state = Engine().run(folder)
    if state.state != run_folder.DONE:
        raise SystemExit(f"{state.state}: {state.reason}")
    log = RunLog(folder)
    first, step = log.steps[0], log.step_s
    assert step is not None
    put(
        tweets_s=BATCH / step,
        step_s=step,
        peak_gib=log.steps[-1]["memory_gib"],
        # the first step that is logged is a later one
        first_step_s=first["at"] - (first["step"] - 1) * step - SPEC["at"],
        phases_s=log.phases_s,
        losses=[values["loss"] for values in log.steps],
        notes=log.notes,
        versions=f"torch {version('torch')}",
    )


def trl() -> None:
    """Stock SFTTrainer on a base in NF4."""
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
    )
    model = AutoModelForCausalLM.from_pretrained(
        SPEC["base"],
        quantization_config=quantization,
        device_map={"": 0 if torch.cuda.is_available() else "cpu"},
        dtype=torch.bfloat16,
    )
    lora = LoraConfig(
        r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, task_type="CAUSAL_LM", target_modules=TARGETS
    )
    tokenizer = AutoTokenizer.from_pretrained(SPEC["base"])
    fit(model, tokenizer, bool(SPEC.get("checkpointing")), "adamw_torch", peft_config=lora)


def unsloth() -> None:
    """Unsloth, as its own notebooks set it up."""
    from unsloth import FastLanguageModel  # isort: skip  # has to come before transformers
    import torch

    model, tokenizer = FastLanguageModel.from_pretrained(
        SPEC["base"], max_seq_length=LENGTH, dtype=torch.bfloat16, load_in_4bit=True
    )
    checkpointing = bool(SPEC.get("checkpointing"))
    model = FastLanguageModel.get_peft_model(
        model,
        r=RANK,
        lora_alpha=ALPHA,
        lora_dropout=0,
        bias="none",
        target_modules=TARGETS,
        use_gradient_checkpointing="unsloth" if checkpointing else False,
        random_state=42,
    )
    more = {"padding_free": True} if SPEC.get("padding_free") else {}
    fit(model, tokenizer, checkpointing, "adamw_8bit", settings=more)


def fit(
    model: Any,
    tokenizer: Any,
    checkpointing: bool,
    optimiser: str,
    settings: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    """Train with SFTTrainer, the device waited for after each step."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ends.append(time.time())

    arguments = SFTConfig(
        output_dir=SPEC["work"],
        max_length=LENGTH,
        per_device_train_batch_size=BATCH,
        gradient_accumulation_steps=1,  # unsloth's default is 2
        dataloader_drop_last=True,
        learning_rate=RATE,
        max_steps=SPEC["steps"],
        logging_steps=10,
        save_strategy="no",
        bf16=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=checkpointing,
        report_to="none",
        seed=42,
        dataset_text_field="text",
        optim=optimiser,
        **(settings or {}),
    )
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"text": texts()}),
        args=arguments,
        callbacks=[Clock()],
        **more,
    )
    trained = trainer.train()
    # the median, as in the log of ours: what is compiled or tried on the way counts for none
    step = median(after - before for before, after in pairwise(ends[len(ends) // 4 :]))
    names = ("torch", "trl", "unsloth") if SPEC["part"] == "unsloth" else ("torch", "trl")
    put(
        tweets_s=BATCH / step,
        step_s=step,
        peak_gib=torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None,
        first_step_s=ends[0] - SPEC["at"],
        loss=trained.training_loss,
        versions=", ".join(f"{name} {version(name)}" for name in names),
    )


def texts() -> list[str]:
    """The tweets with their labels, as the seed recipe writes them."""
    with Path(SPEC["data"]).open(newline="", encoding="utf-8") as file:
        return [
            f"### Human: {row['Tweet Text']}\n### Assistant: {row['Sentiment']}"
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    os.umask(0o077)
    globals()[SPEC["part"]]()
