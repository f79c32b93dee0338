"""Training of the networks: the training data, the training loop, and the model card of the result."""
