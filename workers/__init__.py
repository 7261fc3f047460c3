"""What happens after a save. One module is one reaction; ``reaction.py`` is the one place that runs them."""
