"""What may be seen, how fresh it is, and which cache has it: the mirror of domain/commands.

A query knows who looks and answers finished bytes. Each begins with what all of them share (``reads.py``): the newest
facts (``current.py``) and the bytes made of them (``settled.py``). No route decides about freshness, privacy or caches.
"""
