"""Everything that imports torch: loading, training, scoring and exporting models.

base: a base model on the device. data: tweets as tokens, batches and steps. training: what both
trainers share. packed: the trainer of our own. trl: the stock trainer of TRL. scoring: label
probabilities. export: adapters and merged models. Imported by the worker and by commands that ask
a model; never by the terminal interface, and knows neither the store nor statistics.
"""
