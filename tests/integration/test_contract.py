"""Notebooks and pages over HTTP, detail by detail as the contract has them."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.service import Author, Service

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
NOTEBOOK_FIELDS = {
    *("id", "owner", "title", "description", "metadata", "status", "published_at", "has_unpublished_changes"),
    *("page_count", "word_count", "version", "created_at", "updated_at"),
}
PAGE_FIELDS = {
    *("id", "notebook_id", "title", "content", "order", "version", "word_count", "content_sha256"),
    *("created_at", "updated_at"),
}


@pytest.fixture
def author(service: Service) -> Author:
    return service.author()


@pytest.fixture
def reader(service: Service) -> Author:
    return service.anyone()


@pytest.fixture
def notebook(author: Author) -> dict[str, Any]:
    return author.notebook("Walks")


def at(notebook: dict[str, Any], page: dict[str, Any] | None = None) -> str:
    return f"/notebooks/{notebook['id']}" + (f"/pages/{page['id']}" if page else "")


def pages_of(author: Author, notebook: dict[str, Any]) -> list[str]:
    """The titles in order; each page says its place."""
    listed = author.get(at(notebook))["pages"]
    assert [page["order"] for page in listed] == list(range(1, len(listed) + 1))
    return [page["title"] for page in listed]


def publish(author: Author, notebook: dict[str, Any]) -> dict[str, Any]:
    published: dict[str, Any] = author.post(f"{at(notebook)}/publish", expect=200)
    return published


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    body = answer.get_json()
    assert answer.mimetype == "application/problem+json"
    assert {"type", "title", "status", "detail", "request_id"} <= set(body)
    assert (body["status"], body["request_id"]) == (status, answer.headers["X-Request-ID"])
    return body


# --- notebooks: what they are -----------------------------------------------------------------------------------------


def test_a_new_notebook_is_an_empty_draft_at_its_location(author: Author) -> None:
    answer = author.ask("POST", "/notebooks", expect=201, json={"title": "Walks", "metadata": {"mood": "grey"}})
    made = answer.get_json()
    assert set(made) == NOTEBOOK_FIELDS | {"pages"}
    assert answer.headers["Location"] == f"/api/v1{at(made)}"
    assert set(made["owner"]) == {"id", "username", "display_name", "avatar_url"}
    assert TIME.fullmatch(made["created_at"])
    assert made["created_at"] == made["updated_at"]
    told = {name: made[name] for name in ("title", "description", "metadata", "status", "published_at", "pages")}
    assert told == {
        "title": "Walks",
        "description": "",
        "metadata": {"mood": "grey"},
        "status": "draft",
        "published_at": None,
        "pages": [],
    }
    assert (made["version"], made["page_count"], made["word_count"], made["has_unpublished_changes"]) == (
        1,
        0,
        0,
        False,
    )
    assert author.get(at(made)) == made


def test_reading_gives_what_writing_answered_with_the_same_etag(author: Author, notebook: dict[str, Any]) -> None:
    author.page(notebook["id"], content="Some words.")
    saved = author.ask("PUT", at(notebook), expect=200, json={"description": "By the river"})
    read = author.ask("GET", at(notebook), expect=200)
    assert read.get_json() == saved.get_json()
    assert read.headers["ETag"] == saved.headers["ETag"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", ""), ("title", "x" * 201), ("title", None), ("title", 7), ("description", None), ("metadata", [])],
)
def test_a_notebook_with_a_wrong_value_is_422_and_names_the_field(author: Author, field: str, value: Any) -> None:
    answer = author.ask("POST", "/notebooks", expect=422, json={"title": "Walks", field: value})
    assert set(problem(answer, 422)["errors"]) == {field}
    assert author.get("/notebooks")["total"] == 0


def test_a_title_of_200_characters_is_allowed_in_any_script(author: Author) -> None:
    assert author.notebook("学" * 200)["title"] == "学" * 200


def test_editing_changes_what_is_named_and_nothing_else(author: Author) -> None:
    made = author.notebook("Walks", description="kept", metadata={"kept": True})
    edited = author.put(at(made), {"title": "Long walks"})
    assert (edited["title"], edited["description"], edited["metadata"]) == ("Long walks", "kept", {"kept": True})
    assert edited["version"] == 2
    assert author.put(at(made), {"metadata": {}})["metadata"] == {}


def test_an_edit_that_changes_nothing_keeps_the_version(author: Author, notebook: dict[str, Any]) -> None:
    for body in ({}, {"title": "Walks"}):
        assert author.put(at(notebook), body) == notebook


def test_a_stale_edit_of_a_notebook_is_412_with_what_is_there(author: Author, notebook: dict[str, Any]) -> None:
    read = author.ask("GET", at(notebook), expect=200).headers["ETag"]
    now = author.ask("PUT", at(notebook), expect=200, json={"title": "Mine"}, headers={"If-Match": read})
    answer = author.ask("PUT", at(notebook), expect=412, json={"title": "Theirs"}, headers={"If-Match": read})
    refused = problem(answer, 412)
    assert refused["current"] == now.get_json() == author.get(at(notebook))
    assert answer.headers["ETag"] == now.headers["ETag"]
    assert not {"merged", "conflict_revision_id"} & set(refused)
    author.put(at(notebook), {"title": "Theirs"}, headers={"If-Match": answer.headers["ETag"]})
    author.put(at(notebook), {"title": "Anyone's"}, headers={"If-Match": "*"})
    author.put(at(notebook), {"title": "Nobody's"}, headers={"If-Match": '"nonsense"'}, expect=412)


def test_a_412_that_kept_nothing_is_not_stored_under_its_key(author: Author, notebook: dict[str, Any]) -> None:
    stale = {"Idempotency-Key": "k", "If-Match": '"7-x"'}
    author.ask("PUT", at(notebook), expect=412, json={"title": "Mine"}, headers=stale)
    answer = author.ask("PUT", at(notebook), expect=200, json={"title": "Mine"}, headers={"Idempotency-Key": "k"})
    assert "Idempotency-Replayed" not in answer.headers


def test_the_version_of_a_notebook_does_not_count_saves_of_its_pages(author: Author, notebook: dict[str, Any]) -> None:
    page = author.page(notebook["id"])
    before = author.get(at(notebook))
    saved = author.put(at(notebook, page), {"content": "Three more words."})
    after = author.get(at(notebook))
    assert (before["version"], after["version"]) == (2, 2)
    assert after["updated_at"] == saved["updated_at"] > before["updated_at"]
    assert after["word_count"] == 3
    assert after["pages"] == [
        {name: saved[name] for name in ("id", "title", "order", "version", "word_count", "updated_at")}
    ]


# --- notebooks: lists -------------------------------------------------------------------------------------------------


def test_ones_own_list_has_the_newest_change_first_saves_of_pages_included(author: Author) -> None:
    first, second = author.notebook("first"), author.notebook("second")
    assert [each["title"] for each in author.get("/notebooks")["items"]] == ["second", "first"]
    page = author.page(first["id"])
    author.put(at(second), {"description": "touched"})
    author.put(at(first, page), {"content": "newest"})
    listed = author.get("/notebooks")
    assert [each["title"] for each in listed["items"]] == ["first", "second"]
    assert all(set(each) == NOTEBOOK_FIELDS for each in listed["items"])
    assert {name: listed[name] for name in listed if name != "items"} == {
        "page": 1,
        "per_page": 20,
        "total": 2,
        "pages": 1,
    }


def test_a_list_comes_in_pages_that_link_to_each_other(author: Author) -> None:
    for number in range(5):
        author.notebook(f"number {number}")
    answer = author.ask("GET", "/notebooks?per_page=2&page=2", expect=200)
    assert [each["title"] for each in answer.get_json()["items"]] == ["number 2", "number 1"]
    assert (answer.get_json()["total"], answer.get_json()["pages"]) == (5, 3)
    links = {rel: url for url, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["Link"])}
    assert links == {
        "first": "/api/v1/notebooks?per_page=2&page=1",
        "prev": "/api/v1/notebooks?per_page=2&page=1",
        "next": "/api/v1/notebooks?per_page=2&page=3",
        "last": "/api/v1/notebooks?per_page=2&page=3",
    }
    assert 'rel="next"' not in author.ask("GET", "/notebooks?per_page=2&page=3", expect=200).headers["Link"]


def test_following_next_finds_everything_once(author: Author) -> None:
    made = {author.notebook(f"number {number}")["id"] for number in range(7)}
    found: list[str] = []
    url: str | None = "/notebooks?per_page=3"
    while url:
        answer = author.ask("GET", url, expect=200)
        found += [each["id"] for each in answer.get_json()["items"]]
        following = re.search(r'<([^>]+)>; rel="next"', answer.headers["Link"])
        url = following[1].removeprefix("/api/v1") if following else None
    assert (len(found), set(found)) == (7, made)


def test_a_page_beyond_the_last_is_empty(author: Author, notebook: dict[str, Any]) -> None:
    listed = author.get("/notebooks?page=2147483648&per_page=100")
    assert (listed["items"], listed["total"], listed["pages"]) == ([], 1, 1)


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=",
        "page=1.5",
        "page=9999999999",
        "page=1_0",
        "page=１",
        "per_page=0",
        "per_page=1_0",
        "per_page=101",
        "public=perhaps",
        "trashed=2",
    ],
)
def test_a_query_out_of_range_is_422(author: Author, query: str) -> None:
    answer = author.ask("GET", f"/notebooks?{query}", expect=422)
    assert set(problem(answer, 422)["errors"]) == {query.partition("=")[0]}


def test_who_is_not_signed_in_may_list_what_is_published_and_nothing_else(
    service: Service, author: Author, reader: Author
) -> None:
    hidden, shown = author.notebook("hidden"), author.notebook("shown")
    publish(author, shown)
    for path in ("/notebooks", "/notebooks?trashed=true", "/notebooks?public=false", at(hidden)):
        answer = reader.ask("GET", path, expect=404 if path == at(hidden) else 401)
        problem(answer, answer.status_code)
    service.drain()
    assert [each["title"] for each in reader.get("/notebooks?public=true")["items"]] == ["shown"]


def test_the_trash_is_a_list_of_its_own(author: Author) -> None:
    kept, thrown = author.notebook("kept"), author.notebook("thrown")
    author.delete(at(thrown))
    assert [each["title"] for each in author.get("/notebooks")["items"]] == ["kept"]
    trashed = author.get("/notebooks?trashed=true")
    assert [(each["id"], each["status"]) for each in trashed["items"]] == [(thrown["id"], "draft")]
    assert kept["id"] not in {each["id"] for each in trashed["items"]}


# --- publishing -------------------------------------------------------------------------------------------------------


def test_readers_see_the_snapshot_in_every_field(author: Author, reader: Author, service: Service) -> None:
    made = author.notebook("Walks", description="grey", metadata={"a": 1})
    page = author.page(made["id"], "One", "first words here")
    shown = publish(author, made)
    assert (shown["status"], shown["has_unpublished_changes"]) == ("published", False)
    author.put(at(made), {"title": "Changed", "description": "", "metadata": {}})
    author.put(at(made, page), {"title": "Changed", "content": "no"})
    author.page(made["id"], "Two")
    assert author.get(at(made))["has_unpublished_changes"] is True
    for _ in range(2):
        seen = reader.get(at(made))
        assert set(seen) == NOTEBOOK_FIELDS - {"has_unpublished_changes"} | {"pages"}
        for name in ("title", "description", "metadata", "version", "page_count", "word_count", "published_at"):
            assert seen[name] == shown[name], name
        assert [entry["title"] for entry in seen["pages"]] == ["One"]
        assert seen["updated_at"] == shown["published_at"]
        (listed,) = reader.get("/notebooks?public=true")["items"]
        assert listed == {name: value for name, value in seen.items() if name != "pages"}
        text = reader.get(at(made, page))
        assert (text["title"], text["content"], text["version"]) == ("One", "first words here", 1)
        service.drain()


def test_publish_and_unpublish_repeated_change_nothing(author: Author, notebook: dict[str, Any]) -> None:
    first = publish(author, notebook)
    assert publish(author, notebook) == first
    hidden = author.post(f"{at(notebook)}/unpublish", expect=200)
    assert (hidden["status"], hidden["published_at"], hidden["version"]) == ("draft", None, first["version"] + 1)
    assert author.post(f"{at(notebook)}/unpublish", expect=200) == hidden


def test_what_others_get_is_404_for_a_draft_and_403_for_changing_what_is_published(
    service: Service, author: Author, notebook: dict[str, Any]
) -> None:
    stranger, page = service.author(), author.page(notebook["id"])
    changes = [
        ("PUT", at(notebook), {"title": "Mine"}),
        ("DELETE", at(notebook), None),
        ("POST", f"{at(notebook)}/restore", None),
        ("POST", f"{at(notebook)}/publish", None),
        ("POST", f"{at(notebook)}/unpublish", None),
        ("POST", f"{at(notebook)}/pages", {"title": "Mine"}),
        ("PUT", f"{at(notebook)}/pages/order", {"page_ids": [page["id"]]}),
        ("PUT", at(notebook, page), {"content": "mine"}),
        ("DELETE", at(notebook, page), None),
        ("POST", f"{at(notebook, page)}/restore", None),
    ]
    for method, path, body in changes:
        problem(stranger.ask(method, path, expect=404, json=body), 404)
    published = publish(author, notebook)
    for method, path, body in changes:
        problem(stranger.ask(method, path, expect=403, json=body), 403)
    assert author.get(at(notebook)) == published
    author.delete(at(notebook))
    for method, path, body in changes:
        stranger.ask(method, path, expect=404, json=body)


def test_caches_are_told_what_is_private_and_what_is_not(
    service: Service, author: Author, reader: Author, notebook: dict[str, Any]
) -> None:
    page = author.page(notebook["id"])
    publish(author, notebook)
    for path in (at(notebook), at(notebook, page), "/notebooks?public=true"):
        public = reader.ask("GET", path, expect=200).headers
        assert public["Cache-Control"] == "public, max-age=0, must-revalidate"
        for someone in (author, service.author()):
            private = someone.ask("GET", path, expect=200).headers
            assert private["Cache-Control"] == "private, no-cache"
            assert private["Vary"] == public["Vary"] == "Authorization"


def test_reads_answer_304_to_who_has_it_already(author: Author, reader: Author, notebook: dict[str, Any]) -> None:
    page = author.page(notebook["id"])
    publish(author, notebook)
    for someone in (author, reader):
        for path in (at(notebook), at(notebook, page), "/notebooks?public=true"):
            read = someone.ask("GET", path, expect=200)
            etag = read.headers["ETag"]
            assert re.fullmatch('"[^"]+"', etag), "a strong one"
            for known in (etag, f'"other", W/{etag}', "*"):
                again = someone.ask("GET", path, expect=304, headers={"If-None-Match": known})
                assert (again.data, again.headers["ETag"]) == (b"", etag)
                assert again.headers["Cache-Control"] == read.headers["Cache-Control"]
            someone.ask("GET", path, expect=200, headers={"If-None-Match": '"other"'})


def test_the_draft_and_the_published_page_never_share_an_etag(author: Author, notebook: dict[str, Any]) -> None:
    page = author.page(notebook["id"])
    publish(author, notebook)
    draft = author.ask("GET", at(notebook, page), expect=200)
    shown = author.ask("GET", f"{at(notebook, page)}?view=published", expect=200)
    assert draft.get_json() == shown.get_json()
    assert draft.headers["ETag"] != shown.headers["ETag"]


# --- the trash --------------------------------------------------------------------------------------------------------


def test_who_forgot_a_page_finds_it_in_the_trash_of_its_notebook(
    author: Author, reader: Author, service: Service
) -> None:
    notebook = author.notebook()
    path = f"/notebooks/{notebook['id']}/pages"
    kept, one, other = (author.page(notebook["id"], title=title) for title in ("Kept", "Uno", "二"))
    assert author.get(f"{path}?trashed=true")["items"] == []
    for page in (one, other):
        author.delete(f"{path}/{page['id']}")
    listed = author.get(f"{path}?trashed=true&per_page=1&page=2")
    assert (listed["total"], [each["title"] for each in listed["items"]]) == (2, ["Uno"])
    names = ("id", "notebook_id", "title", "version", "word_count", "content_sha256", "created_at", "updated_at")
    assert listed["items"] == [{name: one[name] for name in names}]
    author.post(f"{path}/{one['id']}/restore", expect=200)
    assert [each["id"] for each in author.get(f"{path}?trashed=true")["items"]] == [other["id"]]
    assert kept["id"] in {each["id"] for each in author.get(f"/notebooks/{notebook['id']}")["pages"]}
    service.author().get(f"{path}?trashed=true", expect=404)
    reader.get(f"{path}?trashed=true", expect=401)
    author.get(path, expect=422)
    author.get(f"{path}?trashed=false", expect=422)
    author.delete(f"/notebooks/{notebook['id']}")
    author.get(f"{path}?trashed=true", expect=404)


def test_in_the_trash_everything_is_404_but_restoring(author: Author, notebook: dict[str, Any]) -> None:
    page = author.page(notebook["id"])
    publish(author, notebook)
    author.delete(at(notebook))
    for method, path, body in [
        ("GET", at(notebook), None),
        ("GET", at(notebook, page), None),
        ("GET", f"{at(notebook, page)}?view=published", None),
        ("PUT", at(notebook), {"title": "New"}),
        ("DELETE", at(notebook), None),
        ("POST", f"{at(notebook)}/publish", None),
        ("POST", f"{at(notebook)}/unpublish", None),
        ("POST", f"{at(notebook)}/pages", {"title": "New"}),
        ("PUT", f"{at(notebook)}/pages/order", {"page_ids": [page["id"]]}),
        ("PUT", at(notebook, page), {"content": "new"}),
        ("DELETE", at(notebook, page), None),
        ("POST", f"{at(notebook, page)}/restore", None),
    ]:
        problem(author.ask(method, path, expect=404, json=body), 404)
    restored = author.post(f"{at(notebook)}/restore", expect=200)
    assert (restored["status"], restored["published_at"], restored["page_count"]) == ("draft", None, 1)
    assert author.get(at(notebook)) == restored
    problem(author.ask("POST", f"{at(notebook)}/restore", expect=409), 409)


def test_a_restored_notebook_stays_hidden_from_readers(
    author: Author, reader: Author, notebook: dict[str, Any]
) -> None:
    publish(author, notebook)
    reader.get(at(notebook))
    author.delete(at(notebook))
    reader.get(at(notebook), expect=404)
    author.post(f"{at(notebook)}/restore", expect=200)
    reader.get(at(notebook), expect=404)
    assert reader.get("/notebooks?public=true")["total"] == 0


def test_a_deleted_page_is_gone_for_readers_at_once_and_comes_back_as_the_last(
    author: Author, reader: Author, notebook: dict[str, Any]
) -> None:
    one, two = author.page(notebook["id"], "One"), author.page(notebook["id"], "Two")
    publish(author, notebook)
    author.delete(at(notebook, one))
    reader.get(at(notebook, one), expect=404)
    assert [page["title"] for page in reader.get(at(notebook))["pages"]] == ["Two"]
    assert reader.get(at(notebook, two))["order"] == 1
    for method, body in (("GET", None), ("PUT", {"content": "new"}), ("DELETE", None)):
        author.ask(method, at(notebook, one), expect=404, json=body)
    restored = author.post(f"{at(notebook, one)}/restore", expect=200)
    assert restored == one | {"order": 2}
    assert pages_of(author, notebook) == ["Two", "One"]
    reader.get(at(notebook, one), expect=404)
    problem(author.ask("POST", f"{at(notebook, one)}/restore", expect=409), 409)


# --- pages ------------------------------------------------------------------------------------------------------------


def test_a_new_page_is_the_last_one_at_its_location(author: Author, notebook: dict[str, Any]) -> None:
    author.page(notebook["id"], "One")
    answer = author.ask("POST", f"{at(notebook)}/pages", expect=201, json={"title": "Two", "content": "学而时习之"})
    made = answer.get_json()
    assert set(made) == PAGE_FIELDS
    assert answer.headers["Location"] == f"/api/v1{at(notebook, made)}"
    assert (made["order"], made["version"], made["word_count"]) == (2, 1, 5)
    read = author.ask("GET", at(notebook, made), expect=200)
    assert (read.get_json(), read.headers["ETag"]) == (made, answer.headers["ETag"])


def test_a_page_without_content_is_empty(author: Author, notebook: dict[str, Any]) -> None:
    assert author.post(f"{at(notebook)}/pages", {"title": "Empty"})["content"] == ""


@pytest.mark.parametrize(("order", "expected"), [(1, "NOP"), (2, "ONP"), (3, "OPN"), (4, "OPN"), (2**31, "OPN")])
def test_a_page_takes_the_place_it_is_given(
    author: Author, notebook: dict[str, Any], order: int, expected: str
) -> None:
    for title in "OP":
        author.page(notebook["id"], title)
    made = author.page(notebook["id"], "N", order=order)
    assert "".join(pages_of(author, notebook)) == expected
    assert made["order"] == expected.index("N") + 1


@pytest.mark.parametrize("order", [0, -1, "1", 1.5, 1.0, True, [], 2**40, {}])
def test_a_place_that_is_none_is_422(author: Author, notebook: dict[str, Any], order: Any) -> None:
    answer = author.ask("POST", f"{at(notebook)}/pages", expect=422, json={"title": "N", "order": order})
    assert set(problem(answer, 422)["errors"]) == {"order"}
    assert pages_of(author, notebook) == []


def test_a_save_is_a_receipt_and_one_that_changes_nothing_keeps_the_version(
    author: Author, notebook: dict[str, Any]
) -> None:
    page = author.page(notebook["id"], content="first")
    saved = author.put(at(notebook, page), {"content": "second"})
    assert (saved["version"], saved["title"]) == (2, page["title"])
    assert saved["content_sha256"] != page["content_sha256"]
    for body in ({}, {"content": "second"}, {"content": "second", "autosave": True}, {"title": page["title"]}):
        assert author.put(at(notebook, page), body) == saved


def test_a_stale_save_keeps_both_texts(author: Author, notebook: dict[str, Any]) -> None:
    page = author.page(notebook["id"], content="one\n\ntwo\n\nthree\n")
    base = author.ask("GET", at(notebook, page), expect=200).headers["ETag"]
    current = author.put(at(notebook, page), {"content": "ONE\n\ntwo\n\nthree\n"})
    stale = {"If-Match": base}
    answer = author.ask("PUT", at(notebook, page), expect=412, json={"content": "one\n\ntwo\n\nTHREE\n"}, headers=stale)
    refused = problem(answer, 412)
    assert refused["current"] == current == author.get(at(notebook, page))
    assert refused["merged"] == {"title": page["title"], "content": "ONE\n\ntwo\n\nTHREE\n"}
    assert author.get(f"/pages/{page['id']}/revisions/{refused['conflict_revision_id']}")["kind"] == "conflict"
    clash = author.ask("PUT", at(notebook, page), expect=412, json={"content": "uno\n\ntwo\n\nthree\n"}, headers=stale)
    assert problem(clash, 412)["merged"] is None


def test_a_page_that_was_moved_can_be_saved_with_its_old_etag(author: Author, notebook: dict[str, Any]) -> None:
    one, two = author.page(notebook["id"], "One"), author.page(notebook["id"], "Two")
    etag = author.ask("GET", at(notebook, one), expect=200).headers["ETag"]
    author.put(f"{at(notebook)}/pages/order", {"page_ids": [two["id"], one["id"]]})
    moved = author.ask("GET", at(notebook, one), expect=200)
    assert (moved.get_json()["order"], moved.get_json()["version"]) == (2, 1)
    assert moved.headers["ETag"] != etag
    author.put(at(notebook, one), {"content": "saved"}, headers={"If-Match": etag})


def test_all_pages_are_put_in_order_at_once(author: Author, notebook: dict[str, Any]) -> None:
    ids = {title: author.page(notebook["id"], title)["id"] for title in "ABC"}
    wanted = [ids[title] for title in "CAB"]
    ordered = author.put(f"{at(notebook)}/pages/order", {"page_ids": wanted})
    assert [page["id"] for page in ordered["pages"]] == wanted
    assert author.put(f"{at(notebook)}/pages/order", {"page_ids": wanted}) == ordered
    other = author.page(author.notebook()["id"])["id"]
    for wrong in ([], wanted[:2], [*wanted, wanted[0]], [*wanted[:2], wanted[0]], [*wanted[:2], other], [1, 2, 3]):
        answer = author.ask("PUT", f"{at(notebook)}/pages/order", expect=422, json={"page_ids": wrong})
        assert all(name.startswith("page_ids") for name in problem(answer, 422)["errors"])
    assert pages_of(author, notebook) == list("CAB")


def test_a_page_is_found_under_its_own_notebook_only(author: Author, notebook: dict[str, Any]) -> None:
    page, other = author.page(notebook["id"]), author.notebook("Other")
    for each in (other, {"id": "0" * 32}):
        author.get(at(each, page), expect=404)
        author.put(at(each, page), {"content": "x"}, expect=404)
        author.delete(at(each, page), expect=404)
    publish(author, notebook)
    publish(author, other)
    author.get(f"{at(other, page)}?view=published", expect=404)


def test_an_author_may_look_at_what_readers_see(author: Author, notebook: dict[str, Any]) -> None:
    page = author.page(notebook["id"], content="first")
    author.get(f"{at(notebook, page)}?view=published", expect=404)
    publish(author, notebook)
    author.put(at(notebook, page), {"content": "second"})
    assert author.get(f"{at(notebook, page)}?view=published")["content"] == "first"
    assert author.get(f"{at(notebook, page)}?view=draft")["content"] == "second"
    problem(author.ask("GET", f"{at(notebook, page)}?view=other", expect=422), 422)


# --- every route ------------------------------------------------------------------------------------------------------


def test_the_current_version_needs_no_number_and_another_one_is_404(
    service: Service, author: Author, notebook: dict[str, Any]
) -> None:
    client, sent = service.client(), {"Authorization": f"Bearer {author.token}"}
    for prefix in ("/api/v1", "/api"):
        assert client.get(f"{prefix}{at(notebook)}", headers=sent).get_json() == notebook
    # Without a prefix it is an address of the desk.
    for prefix in ("/api/v2", "/api/v0", "/api/v11", "/v1"):
        problem(client.get(f"{prefix}{at(notebook)}", headers=sent), 404)


def test_a_method_that_a_route_does_not_have_is_405_and_says_which_it_has(author: Author) -> None:
    answer = author.ask("PATCH", "/notebooks", expect=405)
    problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/jsonp", "", "text/json"])
def test_a_body_that_is_not_said_to_be_json_is_415(author: Author, media_type: str) -> None:
    sent = {"Content-Type": media_type} if media_type else {}
    answer = author.ask("POST", "/notebooks", expect=415, data=b'{"title": "Walks"}', headers=sent)
    problem(answer, 415)


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=UTF-8", "application/json;x=1"])
def test_json_may_say_that_it_is_utf_8(author: Author, media_type: str) -> None:
    sent = {"Content-Type": media_type}
    author.ask("POST", "/notebooks", expect=201, data='{"title": "Señora"}'.encode(), headers=sent)


def test_every_answer_carries_a_request_id_and_the_security_headers(author: Author, reader: Author) -> None:
    for someone, path, status in ((author, "/notebooks", 200), (reader, "/notebooks", 401), (reader, "/nowhere", 404)):
        answer = someone.ask("GET", path, expect=status, headers={"X-Request-ID": "from.the-client_1"})
        assert answer.headers["X-Request-ID"] == "from.the-client_1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"]
    for insane in ("a b", "x" * 65, "é", "a\tb", ""):
        answer = reader.ask("GET", "/nowhere", expect=404, headers={"X-Request-ID": insane})
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_a_repeated_creation_with_a_key_is_one_notebook(author: Author) -> None:
    key = {"Idempotency-Key": "only once"}
    first = author.ask("POST", "/notebooks", expect=201, json={"title": "Walks"}, headers=key)
    again = author.ask("POST", "/notebooks", expect=201, json={"title": "Walks"}, headers=key)
    assert again.get_json() == first.get_json()
    assert (again.headers["Location"], again.headers["ETag"]) == (first.headers["Location"], first.headers["ETag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert author.get("/notebooks")["total"] == 1
    author.ask("POST", "/notebooks", expect=422, json={"title": "Other"}, headers=key)
