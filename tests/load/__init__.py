"""The load of a ticket opening, through a real Envoy with the filter."""
