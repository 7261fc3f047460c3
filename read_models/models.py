"""The read models by name: the tables that one reaction keeps together, and how they are made from events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from sqlalchemy import Connection, Table

from events.event import Event
from events.subscriptions import READ_MODELS
from read_models import notebook_view, page_view, profiles, published, references, revisions, views
from read_models.search import index, refresh


@dataclass(frozen=True)
class Model:
    """``project`` applies events in any order, in a transaction of the caller's. ``builders`` are the modules whose
    ``BUILDER`` grows when they make other rows of the same events."""

    name: str
    project: Callable[[Connection, Sequence[Event]], None]
    tables: tuple[Table, ...]
    builders: tuple[ModuleType, ...]

    @property
    def reaction(self) -> str:
        return READ_MODELS[self.name]

    @property
    def builder_version(self) -> int:
        """Grows with each of its builders."""
        return sum(module.BUILDER for module in self.builders)


_ALL = (
    Model(
        "views",
        views.project,
        (
            profiles.profiles,
            page_view.page_views,
            notebook_view.notebook_views,
            published.published_notebooks,
            published.published_pages,
        ),
        (profiles, page_view, notebook_view, published),
    ),
    Model("revisions", revisions.project, (revisions.revisions, revisions.revision_labels), (revisions,)),
    Model(
        "search",
        refresh.refresh,
        (index.search_entries, refresh.search_notebooks),
        (index,),
    ),
    Model(
        "references",
        references.project,
        (references.reference_sources, references.picture_references),
        (references,),
    ),
)
MODELS = {model.name: model for model in _ALL}
