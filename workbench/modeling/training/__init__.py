"""What both trainers share: LoRA weights, checkpoints, dev evaluation, processes, memory."""
