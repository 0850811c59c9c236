"""The alerts and the dashboard of istio/monitoring, held against a real Prometheus and a real Envoy."""
