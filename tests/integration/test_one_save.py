"""The whole way of one save: from the request to the revision, the search hit and the fresh read."""

from tests.service import Service


def test_a_save_becomes_a_view_a_revision_and_a_search_hit(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    page = author.page(notebook["id"], "By the river", "The heron stood still.")
    service.drain()
    assert author.get(f"/notebooks/{notebook['id']}/pages/{page['id']}") == page
    revisions = author.get(f"/pages/{page['id']}/revisions")
    assert [each["kind"] for each in revisions["items"]] == ["save"]
    hits = author.get("/search?q=heron")
    assert [(hit["page_id"], hit["snippet"]) for hit in hits["items"]] == [
        (page["id"], "The <mark>heron</mark> stood still.")
    ]


def test_a_writer_reads_the_save_before_any_worker_has_seen_it(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}/pages/{author.page(notebook['id'])['id']}"
    for number in range(1, 20):
        saved = author.put(place, {"content": f"word {number}"})
        assert author.get(place) == saved
        listed = author.get("/notebooks")["items"]
        assert [(each["id"], each["word_count"], each["updated_at"]) for each in listed] == [
            (notebook["id"], 2, saved["updated_at"])
        ]
        alone = author.get(f"/notebooks/{notebook['id']}")
        assert alone["pages"][0]["version"] == saved["version"] == number + 1


def test_a_stale_save_is_refused_and_both_texts_are_kept(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    page = author.page(notebook["id"], content="one\ntwo\nthree\n")
    place = f"/notebooks/{notebook['id']}/pages/{page['id']}"
    author.put(place, {"content": "one\ntwo\nthree, and four\n"})
    stale = {"If-Match": '"1"', "X-Request-ID": "mine"}
    refused = author.put(place, {"content": "zero, one\ntwo\nthree\n"}, headers=stale, expect=412)
    assert (refused["status"], refused["request_id"], refused["title"]) == (412, "mine", "Precondition Failed")
    assert refused["current"]["content"] == "one\ntwo\nthree, and four\n"
    assert refused["merged"] == {"title": page["title"], "content": "zero, one\ntwo\nthree, and four\n"}
    service.drain()
    kept = author.get(f"/pages/{page['id']}/revisions/{refused['conflict_revision_id']}")
    assert (kept["kind"], kept["content"]) == ("conflict", "zero, one\ntwo\nthree\n")


def test_what_is_published_stays_as_it_was_until_the_next_publish(service: Service) -> None:
    author, reader = service.author(), service.anyone()
    notebook = author.notebook("Walks")
    place = f"/notebooks/{notebook['id']}/pages/{author.page(notebook['id'], content='first')['id']}"
    reader.get(place, expect=404)
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    assert reader.get(place)["content"] == "first"
    author.put(place, {"content": "second"})
    service.drain()
    assert reader.get(place)["content"] == "first"
    assert author.get(f"/notebooks/{notebook['id']}")["has_unpublished_changes"] is True
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    assert reader.get(place)["content"] == "second"
    author.post(f"/notebooks/{notebook['id']}/unpublish", expect=200)
    reader.get(place, expect=404)
    service.drain()
    reader.get(place, expect=404)
