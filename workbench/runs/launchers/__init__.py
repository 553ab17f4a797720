"""Ways to start the worker of a run: here, on several GPUs with torchrun, or through SLURM."""
