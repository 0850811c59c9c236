"""`make bench-limits`: what limits admit, cost and hold, in real Envoys."""
