"""Checks of what is in istio/: it renders, keeps to the schemas, means what it should to Envoy, and `backstop check` has no word against it."""
