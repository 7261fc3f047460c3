"""The linguistics service: a small server of its own, which any other may replace (``LINGUISTICS_URL``)."""
