"""The figures of gpu_speed.py: what is computed from them, and the page that shows them."""

from __future__ import annotations

from typing import Any

LINEAR = 2
"""Floating-point operations per weight and token of a linear layer, forward."""


def at(result: Any, *path: str) -> Any:
    """A value inside, or None."""
    for name in path:
        result = result.get(name) if isinstance(result, dict) else None
    return result


def ratio(part: Any, whole: Any) -> float | None:
    """part / whole where both are known."""
    return part / whole if part and whole else None


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """The figures with the ratios at the top."""
    seed, generate = at(result, "seed", "tweets_s"), at(result, "seed", "generate_tweets_s")
    scored = at(result, "auto", "many", "tweets_s")
    frozen, collected = at(result, "freeze_s") or 0, at(result, "collect_s") or 0
    warm, cold = at(result, "auto", "warm", "wall_s"), at(result, "cold", "wall_s")
    done = at(result, "cold", "state") == "done"
    settings = {
        "nf4": at(result, "four_bit", "nf4"),
        "auto": at(result, "auto", "warm"),
        "24gb": at(result, "four_bit", "24gb"),
        "8gb": at(result, "four_bit", "8gb"),
    }
    top: dict[str, Any] = {}
    for name, figures in settings.items():
        top[f"ratio_{name}"] = ratio(at(figures, "tweets_s"), seed)
        # the memory of graphs that a warm run finds is counted in the run that captured them
        capturing = at(result, "auto", "before") if name == "auto" else figures
        top[f"peak_gib_{name}"] = at(capturing, "peak_training_gib")
    top["ratio_score"] = ratio(scored, generate)
    top["warm_seconds"] = warm and warm + frozen + collected
    top["cold_seconds"] = cold + frozen + (at(result, "cold", "collect_s") or 0) if done else None
    weights = at(result, "model", "linear_parameters") or 0
    best = at(result, "seed", "matmul_tflops")
    rates = {}
    for name, figures in settings.items():
        if at(figures, "step_s"):
            # forward, and the gradient of the activations; frozen weights need none of their own
            operations = 2 * LINEAR * weights * figures["tokens_per_step"]
            rates[name] = operations / figures["step_s"] / 1e12
    if scored:
        tokens = result["auto"]["many"]["tokens_per_tweet"]
        rates["scoring"] = LINEAR * weights * tokens * scored / 1e12
    top["model_tflops"] = rates
    top["share_of_matmul"] = {name: ratio(rate, best) for name, rate in rates.items()}
    return top | result


def number(value: Any, form: str = "{:.1f}") -> str:
    """A figure, or a dash."""
    return form.format(value) if isinstance(value, int | float) else "–"


def table(out: dict[str, Any]) -> str:
    """The page."""
    seed = out.get("seed")
    lines = [f"# Speed on {at(out, 'versions', 'device')}, {out['date']}", ""]
    columns = ("s/step", "tweets/s", "× seed", "peak GiB", "estimated", "with scoring", "TFLOP/s")
    lines += [f"| training, 16 tweets a step | {' | '.join(columns)} |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|---:|"]
    lines += [
        f"| seed, stock trainer | {number(at(seed, 'step_s'), '{:.3f}')} "
        f"| {number(at(seed, 'tweets_s'))} | 1 | {number(at(seed, 'peak_gib'))} | | | |"
    ]
    for name, title, figures in (
        ("nf4", "fast, memory nf4", at(out, "four_bit", "nf4")),
        ("auto", "fast, memory auto", at(out, "auto", "warm")),
        ("24gb", "fast, memory 24gb", at(out, "four_bit", "24gb")),
        ("8gb", "fast, memory 8gb", at(out, "four_bit", "8gb")),
    ):
        lines += [
            f"| {title} | {number(at(figures, 'step_s'), '{:.3f}')} "
            f"| {number(at(figures, 'tweets_s'))} | {number(out[f'ratio_{name}'])} "
            f"| {number(out[f'peak_gib_{name}'])} "
            f"| {number(at(figures, 'estimated_training_gib'))} "
            f"| {number(at(figures, 'peak_run_gib'))} "
            f"| {number(at(out, 'model_tflops', name))} |"
        ]
    many = at(out, "auto", "many") or {}

    scoring, sustained = at(out, "model_tflops", "scoring"), at(seed, "matmul_sustained_tflops")
    share = scoring / sustained if scoring and sustained else None

    def first(name: str) -> Any:
        spent = at(out, f"kernels_{name}", "compiling_s") or {}
        return max(spent.values(), default=None)

    rows = [
        ("seed's generate, one at a time, tweets/s", at(seed, "generate_tweets_s"), "{:.1f}"),
        ("scoring, tweets/s", many.get("tweets_s"), "{:.0f}"),
        ("scoring × generate", out["ratio_score"], "{:.1f}"),
        ("scoring, model TFLOP/s", at(out, "model_tflops", "scoring"), "{:.0f}"),
        ("scoring, share of the matmul rate", at(out, "share_of_matmul", "scoring"), "{:.2f}"),
        ("scoring, share of what a matmul does for three seconds", share, "{:.2f}"),
        ("tweets scored", many.get("tweets"), "{:,}"),
        ("host MiB per 10,000 more tweets", many.get("host_mib_per_10k_tweets"), "{:.2f}"),
        ("device MiB per 10,000 more tweets", many.get("device_mib_per_10k_tweets"), "{:.2f}"),
        ("bf16 matmul 8192³, TFLOP/s", at(seed, "matmul_tflops"), "{:.0f}"),
        ("the same for three seconds", at(seed, "matmul_sustained_tflops"), "{:.0f}"),
        ("the same with 1024 rows", at(seed, "matmul_1024_rows_tflops"), "{:.0f}"),
        ("key press to predictions, warm engine, s", out["warm_seconds"], "{:.1f}"),
        ("the same, cold process, s", out["cold_seconds"], "{:.1f}"),
        ("compiling for the first time on a machine: 16-bit, s", first("auto"), "{:.0f}"),
        ("the same: nf4, s", first("nf4"), "{:.0f}"),
        ("the same: 8gb, s", first("8gb"), "{:.0f}"),
        ("the same: scoring, s", first("scoring"), "{:.0f}"),
        ("freezing, s", out.get("freeze_s"), "{:.2f}"),
        ("collecting, s", out.get("collect_s"), "{:.2f}"),
    ]
    lines += ["", "| what | figure |", "|---|---:|"]
    lines += [f"| {title} | {number(value, form)} |" for title, value, form in rows]
    for title, run in (("warm", at(out, "auto", "warm")), ("cold", at(out, "cold"))):
        for phase, value in (at(run, "phases_s") or {}).items():
            lines += [f"| {title}: {phase}, s | {number(value, '{:.2f}')} |"]
            if phase == "loading the base" and title == "cold":
                again = number(at(seed, "quantise_s"), "{:.2f}")
                lines += [f"| of which quantising all layers (by itself), s | {again} |"]
            if phase == "training":
                lines += [
                    f"| of which {part}, s | {number(seconds, '{:.2f}')} |"
                    for part, seconds in (at(run, "training_s") or {}).items()
                ]
                if (compiled := at(run, "compiling_s")) is not None:
                    lines += [f"| of which compiling or fetching code, s | {compiled:.2f} |"]
    lines += profile_table(at(out, "auto", "profile"), at(out, "four_bit", "profile"))
    checks = at(out, "four_bit", "correctness") or {}
    if checks:
        lines += ["", "| check on this device | result |", "|---|---:|"]
        checks = checks | {
            "gradient, relative distance": at(out, "four_bit", "gradient_relative_distance"),
            "whole-text loss to the stock trainer's, largest relative distance of ten steps": at(
                out, "curves", "curves", "largest_relative_distance"
            ),
        }
        lines += [
            f"| {name.replace('_', ' ')} "
            f"| {number(value, '{:.2g}') if type(value) is float else value} |"
            for name, value in checks.items()
        ]
    said = [
        note
        for part in (
            ("auto", "warm"),
            ("four_bit", "nf4"),
            ("four_bit", "24gb"),
            ("four_bit", "8gb"),
            ("cold",),
        )
        for note in at(out, *part, "notes") or []
    ]
    lines += ["", *[f"- {note}" for note in dict.fromkeys([*out["notes"], *said])]]
    lines += ["", ", ".join(f"{name} {value}" for name, value in out["versions"].items())]
    return "\n".join([*lines, "", f"`{out['command']}`", ""])


def profile_table(sixteen: Any, four: Any) -> list[str]:
    """Where a step goes with the base in 16 bits and in 4."""
    profiles = [profile or {"kinds_ms": {}} for profile in (sixteen, four)]
    kinds = dict.fromkeys(kind for profile in profiles for kind in profile["kinds_ms"])
    if not kinds:
        return []
    rows = [(kind, *(profile["kinds_ms"].get(kind, 0.0) for profile in profiles)) for kind in kinds]
    rows += [
        (title, *(profile.get(key) for profile in profiles))
        for title, key in (("whole step", "step_ms"), ("batches, on the host meanwhile", "data_ms"))
    ]
    return [
        "",
        "| where a step goes, ms | memory auto | memory nf4 |",
        "|---|---:|---:|",
        *(f"| {kind} | {number(a, '{:.2f}')} | {number(b, '{:.2f}')} |" for kind, a, b in rows),
    ]
