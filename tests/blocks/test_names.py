import pytest
from pydantic import ValidationError

import blocks.embedder
from blocks.names import BlockName, EmbedderName, NotificationName
from millrace.errors import NotFoundError


def test_an_embedders_identity_is_that_of_what_stands_behind_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks.embedder, "embedder_identity", lambda name: f"identity of {name}")
    assert EmbedderName(name="mine").identity() == "identity of mine"


def test_the_default_embedder_needs_no_saved_block() -> None:
    assert EmbedderName().name == "embedded"
    assert EmbedderName().identity() == blocks.embedder.embedder_identity("embedded")


def test_the_identity_tells_model_weights_and_arithmetic_and_no_path() -> None:
    identity = EmbedderName().identity()
    assert "minilm" in identity.lower()
    assert "/home" not in identity
    assert "site-packages" not in identity


def test_a_name_without_a_kind_has_no_identity() -> None:
    with pytest.raises(TypeError, match="BlockName says nothing of its identity"):
        BlockName(name="anything").identity()


@pytest.mark.parametrize("settings", [{"name": ""}, {"name": "embedded", "secret": "s"}])
def test_a_name_is_closed_and_not_empty(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        EmbedderName.model_validate(settings)


@pytest.mark.parametrize("name", ["slack-webhook/team", "custom-webhook/on-call-2"])
def test_whom_a_run_tells_decides_no_value(name: str) -> None:
    assert NotificationName(name=name).identity() == name


@pytest.mark.parametrize("name", ["", "team", "slack-webhook/", "/team", "a/b/c", "https://hooks.example.com/T000"])
def test_a_notification_is_named_by_slug_and_name_and_never_by_an_address(name: str) -> None:
    with pytest.raises(ValidationError):
        NotificationName(name=name)


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_an_unknown_embedder_is_said_with_what_there_is() -> None:
    with pytest.raises(NotFoundError, match="use 'embedded' or the slug/name of a saved block"):
        EmbedderName(name="nothing-of-this-name").identity()


def test_in_settings_the_name_alone_will_do() -> None:
    assert NotificationName.model_validate("slack-webhook/team") == NotificationName(name="slack-webhook/team")
    assert EmbedderName.model_validate("embedded") == EmbedderName()
