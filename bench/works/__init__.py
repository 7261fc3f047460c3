"""One module is one work of the table: it prepares its data and says what to measure against what."""
