"""A simulated Android phone behind the real adbd; README.md says what is real and what is not."""
