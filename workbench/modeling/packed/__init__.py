"""The trainer of our own: packed rows, compiled layers, CUDA graphs."""
