"""The demo data: tweets of our own, the list of planted errors, and the base model of the demo."""
