"""The trainer of our own: packed rows, compiled layers, CUDA graphs, float32 master weights.

Imports `training` and what is below it, and nothing of TRL; `trainers` alone imports it.
"""
