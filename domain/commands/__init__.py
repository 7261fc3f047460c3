"""Each command is a frozen dataclass right above the function that carries it out."""
