"""Errors and logs tell what happened, and no secret that had to do with it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings
from kyanite.datamover.frames import Frame
from kyanite.db.database import Database, sqlite_url

SECRET = "T0pSecretValue"


def test_an_error_of_the_database_shows_no_value_of_a_statement(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "x.db"))
    with pytest.raises(SQLAlchemyError) as caught, database.writing() as db:
        db.execute(text("INSERT INTO nowhere VALUES (:password)"), {"password": SECRET})
    database.dispose()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://kyanite:{SECRET}@host:port/name",
        f"kyanite:{SECRET}@host/name",
        f"mysql://kyanite:{SECRET}@host/name",
        f"nonsense://kyanite:{SECRET}@host/name",
    ],
)
def test_a_wrong_address_of_the_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        Database(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_settings_show_no_secret(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "KYANITE_ADMIN_PASSWORD": SECRET,
            "KYANITE_MASTER_KEY": SECRET,
            "KYANITE_DATABASE_URL": f"postgresql+psycopg://kyanite:{SECRET}@host/name",
        },
        data_dir=tmp_path,
    )
    assert SECRET not in repr(settings)


def test_a_frame_with_an_order_shows_nothing_of_it() -> None:
    frame = Frame("run", 1, 1, 0, "order", {"keys": SECRET}, SECRET.encode())
    assert SECRET not in repr(frame)
