"""Collections, as huggingface_hub's client makes, fills and deletes them."""

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.helpers.local_hub import RunningHub


@pytest.fixture(autouse=True)
def _repositories(api: HfApi) -> None:
    api.create_repo("lab/model")
    api.create_repo("lab/samples", repo_type="dataset", private=True)


def test_a_collection_is_made_once_and_holds_each_item_once(api: HfApi) -> None:
    made = api.create_collection("Our model", namespace="lab", description="All of it", exists_ok=True)
    assert (made.title, made.description, made.items) == ("Our model", "All of it", [])
    assert made.slug.startswith("lab/our-model-")
    assert api.create_collection("Our model", namespace="lab", exists_ok=True).slug == made.slug
    for _ in range(2):
        api.add_collection_item(made.slug, "lab/model", "model", note="the weights", exists_ok=True)
        api.add_collection_item(made.slug, "lab/samples", "dataset", exists_ok=True)
    items = api.get_collection(made.slug).items
    assert [(one.item_id, one.item_type, one.position, one.note) for one in items] == [
        ("lab/model", "model", 0, "the weights"),
        ("lab/samples", "dataset", 1, None),
    ]
    [listed] = api.list_collections(owner="lab")
    assert (listed.slug, len(listed.items)) == (made.slug, 2)
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_collection("Our model", namespace="lab")


def test_items_and_collections_can_be_removed(api: HfApi) -> None:
    slug = api.create_collection("Our model", namespace="lab").slug
    made = api.add_collection_item(slug, "lab/model", "model")
    api.delete_collection_item(slug, made.items[0].item_object_id)
    api.delete_collection_item(slug, made.items[0].item_object_id, missing_ok=True)
    assert api.get_collection(slug).items == []
    api.add_collection_item(slug, "lab/model", "model")
    api.delete_repo("lab/model")
    assert api.get_collection(slug).items == []
    api.delete_collection(slug)
    api.delete_collection(slug, missing_ok=True)
    assert list(api.list_collections()) == []


def test_others_cannot_change_it_and_do_not_see_what_is_private(hub: RunningHub, api: HfApi) -> None:
    slug = api.create_collection("Our model", namespace="lab").slug
    api.add_collection_item(slug, "lab/samples", "dataset")
    hidden = api.create_collection("Hidden", namespace="lab", private=True).slug
    for token, status in (("hf_outsider", "403"), ("hf_reader", "403"), (False, "401")):
        other = hub.api(token)
        with pytest.raises(HfHubHTTPError, match=status):
            other.create_collection("Ours", namespace="lab")
        with pytest.raises(HfHubHTTPError, match=status):
            other.add_collection_item(slug, "lab/model", "model")
        with pytest.raises(HfHubHTTPError, match=status):
            other.delete_collection(slug)
    assert hub.api(False).get_collection(slug).items == []
    assert [one.slug for one in hub.api("hf_outsider").list_collections()] == [slug]
    with pytest.raises(HfHubHTTPError, match="404"):
        hub.api(False).get_collection(hidden)


@pytest.mark.parametrize(("title", "kind"), [("x" * 60, "model"), ("Our model", "paper")])
def test_what_the_hub_cannot_keep_is_refused(api: HfApi, title: str, kind: str) -> None:
    with pytest.raises(HfHubHTTPError, match="Bad request"):
        slug = api.create_collection(title, namespace="lab").slug
        api.add_collection_item(slug, "lab/model", kind)  # type: ignore[arg-type]
