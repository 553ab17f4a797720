"""Runs: the run folder, launching a worker on it, and collecting what it produced.

The run folder protocol
-----------------------
A job is a folder that holds everything it needs and everything it produces, so that it can
run on this machine, under torchrun, in a batch job, or on another machine after a copy.

In:
    run.json        what to do (`folder.Job`)
    train.parquet   frozen snapshot: id, text, label, group
    dev.parquet     the same, where the recipe wants a dev set
    predict.parquet id, text: the tweets to score
    adapter/        for a prediction run: the adapter to score with
Out:
    state.json      `folder.State`, replaced in one step
    log.jsonl       one JSON object a line: phases, training steps, dev results, notes
    checkpoints/    resumable states of training
    adapter/        a standard PEFT folder and workbench.json
    predictions.parquet
    dynamics.parquet  id, epoch, probability: of the given label, when the tweet was trained on
    worker.log      what the worker process printed

The worker (`python -m workbench.runs.worker RUN_DIR`) reads and writes nothing else; the
collector alone knows the store.
"""
