"""What happens after a save. ``reaction_table.py`` says which reactions there are; ``reaction.py`` is the one place
that runs them."""
