"""The stock trainer: TRL's SFTTrainer on whole texts, as in the seed recipe."""
