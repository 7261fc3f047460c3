"""What readers see. One file is one read model: its table, how events change it, and its queries."""
