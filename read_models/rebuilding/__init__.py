"""Read models made anew from the log, beside the live ones (docs/adr/0016)."""
