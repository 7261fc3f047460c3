"""Which reaction sees which event, as data; each reaction has a queue and a worker of its own name."""

from events.accounts import ProfileEdited, UserRegistered
from events.event import Fact
from events.notebooks import (
    NotebookCreated,
    NotebookEdited,
    NotebookPublished,
    NotebookPurged,
    NotebookRestored,
    NotebookTrashed,
    NotebookUnpublished,
    PageAdded,
    PageRestored,
    PagesReordered,
    PageTrashed,
)
from events.pages import EditRefused, PageAutosaved, PageCreated, PageEdited, PagePurged, PageReverted, RevisionLabelled
from events.pictures import PictureFailed, PictureMadeReady, PictureRemoved, PictureRetried, PictureUploaded

UPDATE_VIEWS = "update-views"
CUT_REVISIONS = "cut-revisions"
INDEX_SEARCH = "index-search"
MAKE_THUMBNAILS = "make-thumbnails"
TRACK_REFERENCES = "track-references"

# The queue of what failed before, or whose worker never came back, whatever its reaction: one such event may hold up
# its worker for a long time, and nobody waits for thumbnails (a larger size is shown meanwhile).
AGAIN_QUEUE = MAKE_THUMBNAILS

REACTIONS = (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, MAKE_THUMBNAILS, TRACK_REFERENCES)

# The reaction of an event that nothing here subscribes to: parked at once, for code that knows it to take up.
UNROUTED = "unrouted"
# What a parked delivery may say.
REPLAYABLE = (*REACTIONS, UNROUTED)

# What each read model is called, and the reaction that keeps it.
READ_MODELS = {
    "views": UPDATE_VIEWS,
    "revisions": CUT_REVISIONS,
    "search": INDEX_SEARCH,
    "references": TRACK_REFERENCES,
}

SUBSCRIPTIONS: dict[type[Fact], tuple[str, ...]] = {
    UserRegistered: (UPDATE_VIEWS,),
    ProfileEdited: (UPDATE_VIEWS, TRACK_REFERENCES),
    PageCreated: (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES),
    PageEdited: (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES),
    PageAutosaved: (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES),
    PageReverted: (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES),
    EditRefused: (CUT_REVISIONS, TRACK_REFERENCES),
    RevisionLabelled: (CUT_REVISIONS,),
    PagePurged: (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES),
    NotebookCreated: (UPDATE_VIEWS,),
    NotebookEdited: (UPDATE_VIEWS, INDEX_SEARCH),
    PageAdded: (UPDATE_VIEWS,),
    PagesReordered: (UPDATE_VIEWS,),
    PageTrashed: (UPDATE_VIEWS, INDEX_SEARCH, TRACK_REFERENCES),
    PageRestored: (UPDATE_VIEWS, INDEX_SEARCH),
    NotebookPublished: (UPDATE_VIEWS, CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES),
    NotebookUnpublished: (UPDATE_VIEWS, INDEX_SEARCH, TRACK_REFERENCES),
    NotebookTrashed: (UPDATE_VIEWS, INDEX_SEARCH, TRACK_REFERENCES),
    NotebookRestored: (UPDATE_VIEWS, INDEX_SEARCH),
    NotebookPurged: (UPDATE_VIEWS, INDEX_SEARCH, TRACK_REFERENCES),
    PictureUploaded: (MAKE_THUMBNAILS,),
    PictureRetried: (MAKE_THUMBNAILS,),
    PictureMadeReady: (),
    PictureFailed: (),
    PictureRemoved: (),
}

_BY_NAME = {kind.name: reactions for kind, reactions in SUBSCRIPTIONS.items()}


def reactions_to(name: str) -> tuple[str, ...] | None:
    """The reactions to an event of the given stored name, None for a name that this code does not know."""
    return _BY_NAME.get(name)


def names_for(reaction: str) -> tuple[str, ...]:
    """The stored names of the events that a reaction hears of."""
    return tuple(name for name, reactions in _BY_NAME.items() if reaction in reactions)
