"""Doors to the outside: settings, logs, database, broker, objects, cache, clock. Imports nothing else of ours."""
