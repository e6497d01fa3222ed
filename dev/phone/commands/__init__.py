"""One module for each simulated command; each has `main(arguments) -> exit status`."""
