"""Which tweets the list holds, in which order, and beside which run's predictions."""
