"""Checks of the image: reproducible, as Istio's agent wants it, and the same after a registry."""
