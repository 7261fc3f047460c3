"""What an operator does: `run.py` finds each command here. Nothing of the service itself imports it."""
