"""TRL's SFTTrainer on whole texts, as in the seed recipe.

Imports `training` and what is below it, and nothing of `packed`; `trainers` alone imports it.
"""
