"""The nervous system: facts, the log that keeps them, and the way they reach the workers."""
