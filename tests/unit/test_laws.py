"""The laws of the house, read from the sources and held against the real application.

Each law has a counter-example beside it: a law that cannot catch what it forbids is worth nothing.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask

from api import create_app
from api.auth import PUBLIC
from api.dashboard import PREFIX, create_dashboard
from infra.settings import load_settings
from tests.service import NOWHERE

HOUSE = Path(__file__).parent.parent.parent

# Who may import whom. The write model and the read models never see each other; both see the facts.
MAY_IMPORT = {
    "infra": set[str](),
    "events": {"infra"},
    "domain": {"events", "infra"},
    "read_models": {"events", "infra"},
    "workers": {"read_models", "events", "infra", "domain"},
    "queries": {"read_models", "events", "infra"},
    "api": {"domain", "queries", "events", "infra"},
    # A service of its own, which the API speaks to over HTTP only.
    "linguistics": {"infra"},
    # A client like any other: it knows the HTTP API, and reads Markdown as the server does.
    "seeding": {"infra"},
}
A_CLIENT_MAY_KNOW = "infra.markdown"
# They may import anything; nothing but the two doors, and each other, may import them.
OUTSIDE = {"deploy", "operate", "bench", "migrations", "tests"}
DOORS = {"run", "seed"}
# A request never touches a queue: it cannot enqueue, so it cannot lose an event.
NOT_FOR_THE_API = {"events.relay", "infra.broker", "rq"}
SHOWS_THE_QUEUES = "api/dashboard.py"

MAY_ENQUEUE = {"events/relay.py", "workers/clock.py"}
MAY_COMMIT = {
    "domain/once.py",
    "domain/unit_of_work.py",
    "events/relay.py",
    "workers/page_lists.py",
    "workers/reaction.py",
    "workers/recounting.py",
    "workers/clock.py",
    "workers/thinning.py",
    "workers/trash.py",
    "read_models/freshness.py",
    "read_models/rebuilding/rebuild.py",
}
EXECUTABLE_FORMATS = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle"}


def sources(*rooms: str) -> list[tuple[str, ast.Module]]:
    """``(path from the checkout, syntax tree)`` of every Python file of these rooms."""
    paths = [path for room in rooms for path in sorted((HOUSE / room).rglob("*.py"))]
    return [(path.relative_to(HOUSE).as_posix(), ast.parse(path.read_text())) for path in paths]


def doors() -> list[tuple[str, ast.Module]]:
    return [(f"{name}.py", ast.parse((HOUSE / f"{name}.py").read_text())) for name in sorted(DOORS)]


def imports(tree: ast.Module) -> Iterator[str]:
    """Full names of what a module imports anywhere in it, with ``from a import b`` as both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide which room they reach into"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def wrong_imports(path: str, tree: ast.Module) -> set[str]:
    room = path.split("/")[0]
    ours = MAY_IMPORT.keys() | OUTSIDE | DOORS
    allowed = MAY_IMPORT[room] | {room} if room in MAY_IMPORT else ours - DOORS
    found = {name for name in imports(tree) if (top := name.split(".")[0]) in ours and top not in allowed}
    if room == "api" and path != SHOWS_THE_QUEUES:
        found |= {name for name in imports(tree) if any(f"{name}.".startswith(f"{no}.") for no in NOT_FOR_THE_API)}
    if room == "seeding":
        found |= {name for name in imports(tree) if name.startswith("infra.") and not is_in(name, A_CLIENT_MAY_KNOW)}
    return found


def is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def enqueues(tree: ast.Module) -> bool:
    return any(_name(call.func).startswith(("enqueue", "schedule_job")) for call in calls(tree))


def ends_transactions(tree: ast.Module) -> bool:
    # Without arguments: `receipts.begin(connection, claim)` is another word.
    words = {"begin", "commit", "begin_nested", "begin_twophase"}
    plain = (call for call in calls(tree) if isinstance(call.func, ast.Attribute) and not call.args)
    return any(_name(call.func) in words for call in plain)


def executable_data(tree: ast.Module) -> set[str]:
    return {name for name in imports(tree) if EXECUTABLE_FORMATS & set(name.split("."))}


def queues_without_json(tree: ast.Module) -> list[int]:
    """Lines that make an RQ queue or worker without saying that it speaks JSON; RQ's default is pickle."""
    makers = (call for call in calls(tree) if _name(call.func) in ("Queue", "Worker", "SimpleWorker", "SpawnWorker"))
    return [call.lineno for call in makers if "JSONSerializer" not in {ast.unparse(k.value) for k in call.keywords}]


def open_workers(tree: ast.Module) -> list[int]:
    """Lines that make an RQ worker which would call whatever function a job in Redis names."""
    makers = (call for call in calls(tree) if _name(call.func) in ("Worker", "SimpleWorker", "SpawnWorker"))
    return [call.lineno for call in makers if "RelayedJob" not in {ast.unparse(k.value) for k in call.keywords}]


def test_no_room_imports_what_it_may_not_know() -> None:
    everything = [*sources(*MAY_IMPORT, *OUTSIDE), *doors()]
    assert {path: wrong for path, tree in everything if (wrong := wrong_imports(path, tree))} == {}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("domain/page.py", "from read_models import page_view"),
        ("read_models/views.py", "import domain.page"),
        ("events/log.py", "from workers.reaction import react"),
        ("infra/clock.py", "def f():\n    from events import log"),
        ("workers/search.py", "from api.auth import actor"),
        ("api/pages.py", "from events.relay import Relay"),
        ("api/pages.py", "from events import relay"),
        ("api/pages.py", "from infra import broker"),
        ("api/pages.py", "from rq import Queue"),
        ("api/pages.py", "import workers.reaction"),
        ("api/pages.py", "from read_models import page_view"),
        ("queries/pages.py", "from domain.page import Page"),
        ("queries/pages.py", "from api.http import answered"),
        ("api/pages.py", "import_module('workers.reaction')"),
        ("seeding/cli.py", "from infra.settings import Settings"),
        ("seeding/cli.py", "from infra import markdown, settings"),
        ("domain/page.py", "from deploy import embedded"),
        ("deploy/up.py", "import run"),
    ],
)
def test_the_import_law_catches(path: str, line: str) -> None:
    assert wrong_imports(path, ast.parse(line))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("api/pages.py", "from events import log"),
        ("workers/clock.py", "from domain import receipts"),
        ("bench/saves.py", "from rq import Queue; from deploy import embedded; import workers"),
        ("run.py", "from deploy.up import up; from workers.runner import main"),
        ("seeding/book.py", "from infra.markdown import read"),
        ("api/dashboard.py", "from rq.serializers import JSONSerializer"),
    ],
)
def test_the_import_law_lets_pass(path: str, line: str) -> None:
    assert not wrong_imports(path, ast.parse(line))


@pytest.mark.parametrize(
    ("breaks", "allowed"),
    [pytest.param(enqueues, MAY_ENQUEUE, id="enqueue"), pytest.param(ends_transactions, MAY_COMMIT, id="commit")],
)
def test_only_a_few_modules_may(breaks: Callable[[ast.Module], bool], allowed: set[str]) -> None:
    found = {path for path, tree in sources(*MAY_IMPORT) if breaks(tree)}
    assert found <= allowed
    assert found, "a law that nothing ever touches looks at the wrong words"


@pytest.mark.parametrize(
    "line",
    ["queue.enqueue(work, 1)", "queue.enqueue_call(func=work)", "Queue.enqueue_many([])", "q.enqueue_in(when, work)"],
)
def test_the_enqueue_law_catches(line: str) -> None:
    assert enqueues(ast.parse(line))


@pytest.mark.parametrize(
    "line",
    ["with engine.begin() as connection: pass", "connection.commit()", "x = services().writing.begin()", "c.begin()"],
)
def test_the_commit_law_catches(line: str) -> None:
    assert ends_transactions(ast.parse(line))


def test_to_begin_a_receipt_is_not_to_begin_a_transaction() -> None:
    assert not ends_transactions(ast.parse("receipts.begin(uow.connection, claim, uow.now)"))


def test_nothing_reads_or_writes_a_format_that_can_execute() -> None:
    everything = [*sources(*MAY_IMPORT, *OUTSIDE), *doors()]
    assert {path: found for path, tree in everything if (found := executable_data(tree))} == {}
    assert executable_data(ast.parse("from rq.serializers import pickle"))


def test_every_queue_and_worker_speaks_json() -> None:
    ours = sources(*MAY_IMPORT)
    assert {path: lines for path, tree in ours if (lines := queues_without_json(tree))} == {}
    assert queues_without_json(ast.parse("Queue('update-views', connection=redis)"))


def test_every_worker_knows_the_jobs_of_the_relay_and_no_others() -> None:
    ours = sources(*MAY_IMPORT)
    assert {path: lines for path, tree in ours if (lines := open_workers(tree))} == {}
    assert open_workers(ast.parse("Worker(['update-views'], serializer=JSONSerializer)"))


@pytest.fixture(scope="module")
def app() -> APIFlask:
    """The real application. What is refused is refused before any server is asked, so there is none."""
    return create_app(load_settings(NOWHERE))


def test_the_public_list_names_routes_that_exist(app: APIFlask) -> None:
    assert PUBLIC - {rule.endpoint for rule in app.url_map.iter_rules()} == set()


def test_every_route_that_is_not_public_refuses_who_brings_no_token(app: APIFlask) -> None:
    client = app.test_client()
    closed = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC]
    assert closed
    for rule in closed:
        path = re.sub("<[^>]+>", "1" * 32, rule.rule)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            answer = client.open(path, method=method, json={})
            assert answer.status_code == 401, f"{method} {path} answered {answer.status_code}"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_page_of_the_dashboard_sends_strangers_to_its_login(app: APIFlask) -> None:
    client = app.test_client()
    rules = create_dashboard(app.extensions["sinpluma"]).url_map.iter_rules()
    for rule in (each for each in rules if each.endpoint != "log_in"):
        path = PREFIX + re.sub("<[^>]+>", "1", rule.rule)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            answer = client.open(path, method=method)
            refused = answer.status_code == 405 or answer.headers.get("Location") == f"{PREFIX}/login"
            assert refused, f"{method} {path} answered {answer.status_code}"


def test_a_token_that_is_not_ours_is_refused_on_public_routes_too(app: APIFlask) -> None:
    client = app.test_client()
    for header in ("Bearer nonsense", "Bearer", "Basic eDp5", "Bearer " + "a." * 9):
        assert client.get("/api/v1/notebooks?public=true", headers={"Authorization": header}).status_code == 401


# How fresh an answer is and which cache has it is for queries to say.
NOT_IN_ROUTES = ("infra.coalesce", "infra.lease", "infra.memory", "infra.redis_client", "cachetools")
ASKS_THE_DATABASE = {"connect", "execute", "scalar", "scalars", "retrying", "retried"}
# It builds what queries share.
BUILDS = "api/services.py"


def decides_freshness(path: str, tree: ast.Module) -> set[str]:
    """SQL, caches and repeated tries in the API."""
    named = {name for name in imports(tree) if any(f"{name}.".startswith(f"{no}.") for no in NOT_IN_ROUTES)}
    named |= {name for name in imports(tree) if name.startswith("sqlalchemy.") and name.split(".")[1] != "exc"}
    called = {_name(call.func) for call in calls(tree)} & ASKS_THE_DATABASE
    looked_up = {name for name in imports(tree) if name == "flask.current_app"}
    return (named | called | looked_up) if path != BUILDS else named


def test_the_api_has_no_sql_no_cache_and_looks_the_application_up_in_one_place() -> None:
    assert {path: found for path, tree in sources("api") if (found := decides_freshness(path, tree))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from sqlalchemy import select",
        "connection.execute(query)",
        "with engine.connect() as connection: pass",
        "retrying(partial(read, page_id))",
        "from infra.lease import Leases",
        "from flask import current_app",
    ],
)
def test_the_law_of_routes_catches(line: str) -> None:
    assert decides_freshness("api/pages.py", ast.parse(line))


# What is presented inside a command's transaction is made while its row locks are held.
PRESENT = ("api/replies.py", "api/presenters.py")
ASKS_SOMEONE = {"infra.database", "infra.shared_cache", "queries", "redis", "sqlalchemy"}
# What answers are made of.
ASKS_NOBODY = "queries.answer"


def does_io(tree: ast.Module) -> set[str]:
    """What a presenter would ask servers with."""
    named = {name for name in imports(tree) if not f"{name}.".startswith(f"{ASKS_NOBODY}.")}
    asked = {name for name in named if any(f"{name}.".startswith(f"{each}.") for each in ASKS_SOMEONE)}
    return asked | {"services" for call in calls(tree) if _name(call.func) == "services"}


def test_presenters_ask_nobody_anything() -> None:
    assert {path: found for path in PRESENT if (found := does_io(ast.parse((HOUSE / path).read_text())))} == {}


@pytest.mark.parametrize(
    "line", ["from infra.database import retrying", "from queries.pages import read_page", "services().reads"]
)
def test_the_presenter_law_catches(line: str) -> None:
    assert does_io(ast.parse(line))


def closures_handed_over(tree: ast.Module) -> list[int]:
    """Lines that hand a lambda to the door of all commands, where a named function could be followed."""
    through = (call for call in calls(tree) if _name(call.func) in ("carry_out", "carry_out_unseen", "perform_once"))
    given = (value for call in through for value in (*call.args, *(each.value for each in call.keywords)))
    return [value.lineno for value in given if isinstance(value, ast.Lambda)]


def test_handlers_commands_and_presenters_are_named() -> None:
    assert {path: lines for path, tree in sources("api") if (lines := closures_handed_over(tree))} == {}
    assert closures_handed_over(ast.parse("carry_out(lambda uow: edit_page(command, uow), saved)"))


LONGEST_FILE, LONGEST_FUNCTION = 250, 40


def too_long(path: str, source: str) -> list[str]:
    """What of a file is longer than can be taken in at once."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    lengths = [
        (path, source.count("\n"), LONGEST_FILE),
        *((f"{path}: {f.name}", (f.end_lineno or 0) - f.lineno + 1, LONGEST_FUNCTION) for f in functions),
    ]
    return [f"{what} has {lines} lines" for what, lines, most in lengths if lines > most]


def test_files_and_functions_end_before_their_reader_tires() -> None:
    rooms = sorted({*MAY_IMPORT, *OUTSIDE} - {"bench", "migrations", "tests"})
    paths = [HOUSE / f"{door}.py" for door in DOORS]
    paths += [path for room in rooms for path in sorted((HOUSE / room).rglob("*.py"))]
    assert [told for path in paths for told in too_long(path.relative_to(HOUSE).as_posix(), path.read_text())] == []


def test_the_law_of_lengths_catches() -> None:
    assert too_long("x.py", "x = 1\n" * (LONGEST_FILE + 1)) == [f"x.py has {LONGEST_FILE + 1} lines"]
    body = "    x = 1\n" * LONGEST_FUNCTION
    assert too_long("x.py", f"def long():\n{body}") == [f"x.py: long has {LONGEST_FUNCTION + 1} lines"]
