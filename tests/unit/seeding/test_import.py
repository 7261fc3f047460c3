"""An import held against a server that keeps the contract: whatever happens on the way, nothing is there twice."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from domain import notebook
from seeding.account import EMAIL, sign_in_as, sign_in_as_demo
from seeding.errors import SeedError, Unreachable
from seeding.folder import read_folder
from seeding.importer import MOST_PAGES, Import
from seeding.memory import ImportMemory
from tests.unit.seeding.contract_server import ClientKilled, ContractServer
from tests.unit.seeding.desk import PICTURE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


WHOLE = ["One", "Two", "Two"]


def test_a_folder_becomes_a_notebook_with_its_pictures(desk: Desk) -> None:
    report = desk.seed(publish=True)
    assert desk.server.titles() == WHOLE
    assert desk.server.contents()[1] == "![a boat](/media/i0/original)"
    assert len(desk.server.published) == 1
    assert "3 new, 0 changed, 0 unchanged" in report
    assert desk.said == []


def test_a_second_run_changes_nothing(desk: Desk) -> None:
    desk.seed()
    before = len(desk.server.log)
    report = desk.seed()
    changes = [each for each in desk.server.log[before:] if each[0] != "GET" and "/auth/" not in each[1]]
    assert "0 new, 0 changed, 3 unchanged" in report
    assert changes == []


def test_files_with_the_same_text_are_pages_of_their_own(desk: Desk) -> None:
    desk.write("4.md", "# Same\n\nText.")
    desk.write("5.md", "# Same\n\nText.")
    desk.seed()
    assert desk.server.titles() == [*WHOLE, "Same", "Same"]


def requests_of_a_run(tmp_path: Path) -> int:
    desk = Desk(tmp_path)
    desk.seed()
    return len(desk.server.log)


def nothing(desk: Desk) -> None:
    """The next run comes at once."""


@pytest.mark.parametrize("meanwhile", [nothing, Desk.a_week_passes], ids=["at once", "a week later"])
@pytest.mark.parametrize("served", [True, False], ids=["served", "not served"])
def test_a_run_killed_at_any_request_is_finished_by_the_next(
    tmp_path: Path, served: bool, meanwhile: Callable[[Desk], None]
) -> None:
    reference = tmp_path / "reference"
    reference.mkdir()
    for request in range(requests_of_a_run(reference)):
        home = tmp_path / f"{request}"
        home.mkdir()
        desk = Desk(home)
        desk.server.kill_client_at(request, served=served)
        with pytest.raises(ClientKilled):
            desk.seed()
        meanwhile(desk)
        desk.seed()
        assert desk.server.titles() == WHOLE
        assert len(desk.server.pages) == 3
        # Only pictures cannot be found on the server: uploaded, not yet written down, and the receipt gone, one is
        # uploaded again, and the first is swept away because nothing links to it.
        assert len(desk.server.images) == 1 or meanwhile is not nothing
        assert desk.server.contents()[1].startswith("![a boat](/media/")


def test_a_retitled_file_is_still_its_page_when_the_run_was_killed_before_it_could_remember(desk: Desk) -> None:
    pages = next(
        n for n, (method, path) in enumerate(_log_of_a_run(desk)) if method == "POST" and path.endswith("/pages")
    )
    desk.server.kill_client_at(pages, served=True)
    with pytest.raises(ClientKilled):
        desk.seed()
    desk.write("1.md", "# Uno\n\nOther text.")
    desk.seed()
    assert desk.server.titles() == ["Uno", "Two", "Two"]
    assert desk.server.contents()[0] == "Other text."


def _log_of_a_run(desk: Desk) -> list[tuple[str, str]]:
    """Find out what a first run asks for, on a server of its own."""
    real, desk.server = desk.server, ContractServer()
    desk.seed()
    log, desk.server = desk.server.log, real
    for file in desk.memory.parent.iterdir():
        file.unlink()
    return log


def test_with_memory_and_receipts_gone_the_notebook_and_its_pages_are_found_again(desk: Desk) -> None:
    desk.seed()
    desk.server.notebooks = {"other": _other_notebook(), **desk.server.notebooks}
    desk.forget()
    desk.a_week_passes()
    desk.write("1.md", "# One\n\nChanged.")
    desk.seed()
    del desk.server.notebooks["other"]
    assert desk.server.titles() == WHOLE
    assert desk.server.contents()[0] == "Changed."


def _other_notebook() -> dict[str, object]:
    return {"id": "other", "title": "Mine", "metadata": {}, "page_ids": [], "status": "draft", "version": 1}


def test_a_changed_file_updates_its_page(desk: Desk) -> None:
    desk.seed()
    desk.write("1.md", "# Uno\n\nChanged.")
    assert "0 new, 1 changed, 2 unchanged" in desk.seed()
    assert desk.server.titles() == ["Uno", "Two", "Two"]
    assert desk.said == []


def test_a_file_changed_there_and_back_again_ends_as_it_is(desk: Desk) -> None:
    desk.seed()
    for text in ("B", "First text.", "B", "First text."):
        desk.write("1.md", f"# One\n\n{text}")
        desk.seed()
        assert desk.server.contents()[0] == text


def test_a_page_edited_on_the_server_is_left_alone_while_its_file_is_the_same(desk: Desk) -> None:
    desk.seed()
    page = next(iter(desk.server.pages.values()))
    page.update(content="Edited by hand.", version=2)
    desk.seed()
    assert page["content"] == "Edited by hand."
    desk.write("1.md", "# One\n\nEdited in the file.")
    desk.seed()
    assert page["content"] == "Edited in the file."
    assert "1.md: its page had been changed on the server" in desk.said[0]


def test_new_files_take_their_place_between_the_others(desk: Desk) -> None:
    desk.seed()
    desk.write("0.md", "# Zero")
    desk.write("2b.md", "# Two and a half")
    desk.write("9.md", "# Nine")
    desk.seed()
    assert desk.server.titles() == ["Zero", "One", "Two", "Two and a half", "Two", "Nine"]


def test_a_renamed_file_keeps_its_page(desk: Desk) -> None:
    desk.seed()
    (desk.folder / "1.md").rename(desk.folder / "01.md")
    desk.seed()
    assert desk.server.titles() == WHOLE


def test_a_deleted_page_is_made_anew_although_its_receipt_is_still_there(desk: Desk) -> None:
    desk.seed()
    (notebook,) = desk.server.notebooks.values()
    for _ in range(2):
        desk.server.pages.pop(notebook["page_ids"].pop(0))
        desk.seed()
        assert desk.server.titles() == WHOLE


def test_a_deleted_notebook_is_made_anew_although_its_receipt_is_still_there(desk: Desk) -> None:
    for _ in range(3):
        desk.seed()
        assert desk.server.titles() == WHOLE
        desk.server.notebooks.clear()


def test_a_title_asked_for_renames_the_notebook_and_is_kept_without_asking(desk: Desk) -> None:
    for asked, title in ((None, "book"), ("Emma", "Emma"), (None, "Emma")):
        desk.seed(title=asked)
        (notebook,) = desk.server.notebooks.values()
        assert notebook["title"] == title


def test_two_folders_are_two_notebooks_under_the_same_title(desk: Desk, tmp_path: Path) -> None:
    desk.seed(title="Emma")
    desk.folder.rename(tmp_path / "moved")
    desk.folder, desk.memory = tmp_path / "moved", tmp_path / "var" / "other.json"
    desk.seed(title="Emma")
    assert [notebook["title"] for notebook in desk.server.notebooks.values()] == ["Emma", "Emma"]


def test_a_file_renamed_to_stand_first_brings_its_page_there(desk: Desk) -> None:
    desk.write("2.md", "No heading.")
    desk.seed()
    ids = {page["title"]: page_id for page_id, page in desk.server.pages.items()}
    (desk.folder / "2.md").rename(desk.folder / "02.md")
    (desk.folder / "3.md").rename(desk.folder / "0.md")
    assert "0 new" in desk.seed()
    assert desk.server.titles() == ["Two", "One", "02"]
    assert desk.server.pages[ids["2"]]["title"] == "02"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a.md", "b.md"], ["0b.md", "a.md"]),
        (["第2章.md", "第10章.md"], ["第1章.md", "第2章.md"]),
        (["Año nuevo.md", "Último día.md"], ["Ahora.md", "Año nuevo.md"]),
        (["1 Teil.md", "2 Teil.md"], ["1 Teil.md", "1 Teil/1.md"]),
    ],
)
def test_a_file_with_a_new_name_stands_where_that_stands(desk: Desk, before: list[str], after: list[str]) -> None:
    for number in (1, 2, 3):
        (desk.folder / f"{number}.md").unlink()
    for name in before:
        desk.write(name, f"# {name}\n\nIt was {name}.")
    desk.seed()
    (gone,), (came,) = set(before) - set(after), set(after) - set(before)
    (desk.folder / came).parent.mkdir(exist_ok=True)
    (desk.folder / gone).rename(desk.folder / came)
    assert "2 unchanged" in desk.seed()
    assert desk.server.titles() == [gone if name == came else name for name in after]


def test_an_order_made_in_the_notebook_stays_while_the_folder_has_its_own(desk: Desk) -> None:
    desk.seed()
    (notebook,) = desk.server.notebooks.values()
    notebook["page_ids"].reverse()
    desk.write("1.md", "# Uno\n\nChanged.")
    desk.write("4.md", "# Four")
    desk.seed()
    assert desk.server.titles() == ["Two", "Four", "Two", "Uno"]
    (desk.folder / "4.md").rename(desk.folder / "0.md")
    desk.seed()
    assert desk.server.titles() == ["Four", "Uno", "Two", "Two"]


def test_an_order_that_the_server_refuses_is_named_and_asked_for_again(desk: Desk) -> None:
    desk.seed()
    (desk.folder / "3.md").rename(desk.folder / "0.md")
    desk.server.takes_orders = False
    desk.seed()
    assert desk.left == ["book: the order of its pages: the server answered 422: too many"]
    desk.server.takes_orders = True
    desk.seed()
    assert desk.server.titles() == ["Two", "One", "Two"]


def test_the_page_of_a_file_that_is_gone_stays_and_is_named(desk: Desk) -> None:
    desk.seed()
    (desk.folder / "3.md").unlink()
    desk.seed()
    assert desk.server.titles() == WHOLE
    assert "3.md: the file is gone" in desk.said[0]


# Links between chapters


def test_links_to_chapters_become_links_to_their_pages_whichever_comes_first(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.write("1.md", "# One\n\n[on](2.md#part) and [back](1.md)")
    desk.write("2.md", "# Two\n\n[back](<1.md>)")
    desk.seed()
    assert "Links to later pages: 100%" in capsys.readouterr().err
    (notebook_id,) = desk.server.notebooks
    first, second, _ = desk.server.notebooks[notebook_id]["page_ids"]
    address = f"/notebooks/{notebook_id}/pages"
    assert desk.server.contents()[0] == f"[on]({address}/{second}#part) and [back]({address}/{first})"
    assert desk.server.contents()[1] == f"[back](<{address}/{first}>)"
    before = len(desk.server.log)
    assert "3 unchanged" in desk.seed()
    assert "later" not in capsys.readouterr().err
    assert {method for method, path in desk.server.log[before:] if "/auth/" not in path} == {"GET"}


def test_a_link_to_a_chapter_that_came_later_is_made_in_one_save(desk: Desk) -> None:
    desk.write("1.md", "# One\n\n[on](4.md)")
    desk.seed()
    assert desk.server.contents()[0] == "[on](4.md)"
    assert "there is no such file" in desk.left[0]
    desk.write("4.md", "# Four")
    desk.seed()
    (notebook_id,) = desk.server.notebooks
    page_id = desk.server.notebooks[notebook_id]["page_ids"][3]
    assert desk.server.contents()[0] == f"[on](/notebooks/{notebook_id}/pages/{page_id})"
    assert [page["version"] for page in desk.server.pages.values()] == [2, 1, 1, 1]


# Pictures


def test_a_changed_picture_is_uploaded_and_its_page_linked_to_it(desk: Desk) -> None:
    desk.seed()
    (desk.folder / "boat.png").write_bytes(PICTURE + b", another one")
    assert "1 changed" in desk.seed()
    assert desk.server.contents()[1] == "![a boat](/media/i1/original)"


def test_a_picture_that_the_server_swept_away_is_uploaded_again(desk: Desk) -> None:
    desk.seed()
    desk.server.images = {"gone": {}}
    desk.seed()
    assert desk.server.contents()[1] == "![a boat](/media/i1/original)"


def test_a_picture_linked_twice_is_uploaded_once(desk: Desk) -> None:
    desk.write("4.md", "# Four\n\n![](./boat.png) ![](boat.png)")
    desk.seed()
    assert len(desk.server.images) == 1
    assert desk.server.contents()[3] == "![](/media/i0/original) ![](/media/i0/original)"


def test_without_picture_uploads_links_stay_and_are_linked_once_the_server_has_them(desk: Desk) -> None:
    desk.write("4.md", "![](boat2.png)")
    (desk.folder / "boat2.png").write_bytes(PICTURE)
    desk.server.takes_pictures = False
    desk.seed()
    assert desk.server.contents()[1] == "![a boat](boat.png)"
    assert [each.split(" is ")[0] for each in desk.left] == [
        "2.md: the picture boat.png",
        "4.md: the picture boat2.png",
    ]
    assert all("this server has no picture uploads" in each for each in desk.left)
    desk.server.takes_pictures = True
    desk.seed()
    assert desk.server.contents()[1] == "![a boat](/media/i0/original)"
    assert desk.left == []


def test_pictures_that_are_missing_or_refused_are_named_and_the_rest_goes_on(desk: Desk) -> None:
    desk.write("4.md", "![](gone.png) ![](bad.svg) ![](https://example.org/there.png)")
    (desk.folder / "bad.svg").write_bytes(b"not a picture")
    desk.seed()
    assert desk.server.contents()[3] == "![](gone.png) ![](bad.svg) ![](https://example.org/there.png)"
    assert "4.md: the picture gone.png is not uploaded" in desk.left[0]
    assert "4.md: the picture bad.svg is not uploaded" in desk.left[1]
    assert "only JPEG" in desk.left[1]


# Trouble on the way


def test_trouble_that_passes_is_waited_out_with_the_same_key(desk: Desk) -> None:
    desk.server.faults = [
        httpx.ConnectError("connection refused"),
        httpx.Response(503, headers={"Retry-After": "7"}),
        httpx.Response(502),
        httpx.ReadTimeout("timed out"),
        httpx.Response(429, headers={"Retry-After": "60"}),
        httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ]
    desk.seed()
    assert desk.server.titles() == WHOLE
    assert 67 < desk.clock.now < 80


def test_a_key_still_in_progress_is_asked_again(desk: Desk) -> None:
    def busy_once(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/pages") and not busy:
            busy.append(request.headers["Idempotency-Key"])
            return httpx.Response(409, json={"detail": "in progress"})
        return server(request)

    busy: list[str] = []
    server = desk.server
    client = desk.client_over(busy_once)
    sign_in_as_demo(client, desk.memory)
    Import(client, read_folder(desk.folder), ImportMemory(desk.memory), desk.said.append).run()
    assert server.titles() == WHOLE
    assert busy[0] in server.receipts


def test_trouble_that_stays_ends_the_run_with_its_reason(desk: Desk) -> None:
    desk.seed()
    desk.server.faults = [httpx.ConnectError("connection refused") for _ in range(200)]
    with pytest.raises(Unreachable, match="connection refused"):
        desk.seed()
    assert desk.clock.now <= 120


def test_a_service_that_nobody_started_is_given_up_in_seconds_with_advice(desk: Desk) -> None:
    desk.server.faults = [httpx.ConnectError("connection refused") for _ in range(200)]
    with pytest.raises(Unreachable, match="make run"):
        desk.client().check()
    assert desk.clock.now <= 5


def test_another_service_on_the_port_is_recognised(desk: Desk) -> None:
    desk.server.faults = [httpx.Response(404, text="<html>")]
    with pytest.raises(Unreachable, match="is not SinPluma"):
        desk.client().check()


def test_a_token_that_runs_out_on_the_way_is_renewed(desk: Desk) -> None:
    desk.server.tokens_last = 2
    desk.seed()
    assert desk.server.titles() == WHOLE


def test_a_refused_page_is_named_with_what_to_change_and_the_run_goes_on_from_there(desk: Desk) -> None:
    original = desk.server._make_page
    desk.server._make_page = lambda notebook, body: (  # type: ignore[method-assign]
        httpx.Response(422, json={"detail": "invalid", "errors": {"title": ["too long"]}})
        if body["content"] == "First text."
        else original(notebook, body)
    )
    with pytest.raises(SeedError, match=r"1\.md was refused \(422\); change the title .*: too long"):
        desk.seed()
    desk.write("1.md", "# One\n\nBetter text.")
    desk.seed()
    assert desk.server.titles() == WHOLE


# The account


def test_the_demo_login_works_from_run_to_run(desk: Desk) -> None:
    passwords = desk.memory.with_name("accounts.json")
    first = sign_in_as_demo(desk.client(), passwords)
    assert sign_in_as_demo(desk.client(), passwords) == first == desk.server.accounts[EMAIL]["password"]


def test_a_demo_account_whose_password_is_gone_is_explained(desk: Desk) -> None:
    passwords = desk.memory.with_name("accounts.json")
    sign_in_as_demo(desk.client(), passwords)
    passwords.unlink()
    with pytest.raises(SeedError, match=r"accounts\.json.*\n.*--email"):
        sign_in_as_demo(desk.client(), passwords)


def test_an_account_that_does_not_exist_is_not_made(desk: Desk) -> None:
    with pytest.raises(SeedError, match="must exist already"):
        sign_in_as(desk.client(), "someone@example.org", "a password")
    assert desk.server.accounts == {}


def test_of_more_pages_than_a_notebook_holds_none_is_brought(desk: Desk) -> None:
    assert MOST_PAGES == notebook.MOST_PAGES
    for number in range(MOST_PAGES):
        desk.write(f"more-{number}.md", "One.")
    with pytest.raises(SeedError, match=r"5,003 pages, and a notebook holds 5,000: divide it into folders"):
        desk.seed()
    assert desk.server.notebooks == {}
