"""A real Istio on this machine: API server, istiod, and istio-agent with Envoy; the prod overlay in it, and what happens on each failure."""
