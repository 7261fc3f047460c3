"""The write model: what must always be true. It knows no web framework, no queue and no object store."""
