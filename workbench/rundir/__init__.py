"""The run folder: its files, typed and checked, and who works on it.

Imports neither the store nor torch, so every process can read and write one; imported by whatever
plans, starts, does or collects runs.

The run folder protocol
-----------------------
A job is a folder that holds everything it needs and everything it produces, so that it can
run on this machine, under torchrun, in a batch job, or on another machine after a copy. The
types of the files are checked by `schema` whenever they are read: a file that is missing, cut
off, or of another kind is one sentence, and is never written over.

In:
    run.json        what to do (`folder.Job`), with the version of this protocol
    train.parquet   snapshot of the tweets to train on: id, text, label, group
    dev.parquet     snapshot of the tweets to evaluate on, in the same columns, where the recipe
                    wants a dev set
    predict.parquet id, text: the tweets to score
    adapter/        for a prediction run: the adapter to score with
    start.safetensors   for a run that goes on from another one: the weights of its adapter
    ancestors.parquet   id, text: the tweets that this adapter was trained on
Out:
    state.json      `folder.State`, replaced in one step
    log.jsonl       one JSON object a line: phases, training steps, dev results, notes
    checkpoints/    resumable states of training; those without the mark COMPLETE, and those that
                    cannot be read, are passed over. Of a run with folds, fold-N/ holds those of
                    fold N, and fold-N.parquet what it has scored, once it is done
    folds.parquet   id, fold: by which fold each training tweet is left out, from 0
    adapter/        a standard PEFT folder and workbench.json
    predictions.parquet
    embeddings/     a vector of each tweet that the model has scored; see `embeddings`
    baseline/       of a baseline, the fitted model; see `baseline_files`
    dynamics.parquet  id, epoch, probability: of the given label, when the tweet was trained on
    tensorboard/, wandb/, trackio/   a copy of the curves, where the recipe asks for one
    worker.log      what the worker process printed
    failed-N.json   why process N of several has failed, for the first, which writes state.json
Between:
    lock            locked by the worker as long as it lives: one worker a folder
    stop            asks the worker to save and stop at the end of the step, or of the batch while
                    it scores
    launch.json     how the run was started (`launch.Launch`), for stopping and resuming it

The worker (`python -P -m workbench.worker RUN_DIR`, started in a neutral directory) reads and
writes nothing else; the collector alone knows the store. What it starts inherits PYTHONSAFEPATH, so
nothing that lies in a run folder is ever imported.

Events of log.jsonl: each has `at` (seconds since 1970) and `event`.
    phase   phase
    note    text
    step    step, steps, loss, learning_rate, grad_norm, tweets_per_s, step_s, memory_gib, eta_s
            (null until it is known)
    dev     step, steps, loss, accuracy, n, best_step
    scored  done, total, tweets_per_s
    data    train, dev: how many tweets; majority: the share of the most frequent label of dev
    hardest step, tweets: the id, label and begin of the text of those whose given label has had the
            lowest mean probability so far, and that probability
    estimate  seconds, step_s, after_s, source: written before the run begins, by whoever starts
            it; seconds, before, step: written once by the worker, after the first steps
An event of another name comes from another version of the program: the log shows its values as
they are. The numbers of `step` and `dev` events become metrics of the run in the store.

A run is alive while its lock is held, or while the process is there that state.json names by
number, start in ticks since boot, and boot (`liveness`). The time of day plays no part, since
clocks are set. Of a run on another machine (`host`) only the folder is known, and what it says is
believed.

Folders that somebody copied into runs/, under whatever name, become runs when they are next
collected (`workbench.runs.adopting`); their predictions are matched with the tweets by the exact
text.
"""
