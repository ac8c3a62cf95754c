"""Who uses what."""

from __future__ import annotations

from kyanite.db.database import Database
from kyanite.db.uses import Thing, forget_user, replace_uses, used_by, users_of

POLICY = Thing("policy", "p1")
OTHER = Thing("policy", "p2")
ACCOUNT = Thing("account", "a")
REPOSITORY = Thing("repository", "r")


def test_uses_are_replaced_as_a_whole_and_found_from_both_ends(database: Database) -> None:
    with database.writing() as db:
        replace_uses(db, POLICY, [ACCOUNT, REPOSITORY, REPOSITORY])
        replace_uses(db, OTHER, [ACCOUNT])
        replace_uses(db, REPOSITORY, [ACCOUNT])
    with database.writing() as db:
        assert users_of(db, ACCOUNT) == [POLICY, OTHER, REPOSITORY]
        assert users_of(db, ACCOUNT, user_kind="policy") == [POLICY, OTHER]
        assert used_by(db, POLICY) == [ACCOUNT, REPOSITORY]
        assert used_by(db, POLICY, used_kind="repository") == [REPOSITORY]
        replace_uses(db, POLICY, [ACCOUNT])
        assert users_of(db, REPOSITORY) == []
        forget_user(db, POLICY)
        assert users_of(db, ACCOUNT) == [OTHER, REPOSITORY]
