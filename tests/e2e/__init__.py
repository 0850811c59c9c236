"""End-to-end tests: the module in a real Envoy, odd requests over plain sockets, and an application that remembers."""
