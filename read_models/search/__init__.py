"""Search in every language: the index, the rights, the query, what it finds and how that is shown (docs/adr/0008)."""
