"""A client of the public API that fills a running service. Knows the contract and nothing of the server's code.

`book.py` says what is imported, `folder.py` and `demo.py` make such books, `importer.py` brings one to the server,
`client.py` talks HTTP and waits out failures, `memory.py` is what one run leaves for the next.
"""
