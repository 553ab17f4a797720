"""Everything that imports torch: loading, training, scoring and exporting models.

Imported by the worker and by commands that run a model, never by the terminal interface; imports
neither the store nor `workbench.analysis`. Each of these imports only what is below it:

    trainers, classify      what callers start: training by recipe, and labelling a few texts
    packed, trl, export     our trainer; TRL's trainer; adapters and merged models on the disk
    training                what both trainers share
    scoring                 probabilities over the labels
    base                    a base model on the device, and its adapter
    data                    tweets as prompts, tokens and batches
"""
