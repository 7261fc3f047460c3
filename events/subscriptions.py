"""The names of the reactions: each has a queue and a worker of its own name. What they hear and do is one table,
``workers/reaction_table.py``; who needs its subscriptions here gets them as an argument."""

from collections.abc import Mapping

UPDATE_VIEWS = "update-views"
CUT_REVISIONS = "cut-revisions"
INDEX_SEARCH = "index-search"
MAKE_THUMBNAILS = "make-thumbnails"
TRACK_REFERENCES = "track-references"

# What `run.py rebuild` can make anew.
READ_MODELS = ("views", "revisions", "search", "references")

REACTIONS = (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, MAKE_THUMBNAILS, TRACK_REFERENCES)

# The queue of what failed before, or whose worker never came back, whatever its reaction: one such event may hold up
# its worker for a long time, and nobody waits for thumbnails (a larger size is shown meanwhile).
AGAIN_QUEUE = MAKE_THUMBNAILS

# The reaction of an event that the subscriptions do not know: parked at once, for code that knows it to take up.
UNROUTED = "unrouted"
# What a parked delivery may say.
REPLAYABLE = (*REACTIONS, UNROUTED)

# By the stored name of an event, the reactions that hear it; none for what nobody has to hear.
Subscriptions = Mapping[str, tuple[str, ...]]
