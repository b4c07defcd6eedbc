"""Linux as a backend: bpf(2), feature probes, the verifier's log."""
