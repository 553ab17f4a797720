"""What is made of texts: features, twins, what an answer hangs on and what should not change it."""
