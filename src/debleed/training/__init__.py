"""Training the networks: what they learn from, the one training loop, and the card of the result."""
