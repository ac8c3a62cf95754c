"""Everything since the first path."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

import kyanite.db.tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("actor_role", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entries_at"), ["at"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("broken_at", sa.BigInteger(), nullable=True),
        sa.Column("seal", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "device_sign_ins",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("tenant_id", sa.String(length=255), nullable=False),
        sa.Column("expires_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_sign_ins")),
    )
    with op.batch_alter_table("device_sign_ins", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_device_sign_ins_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "inventory_resources",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("azure_id", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("name_key", sa.String(length=128), nullable=False),
        sa.Column("subscription_id", sa.String(length=36), nullable=False),
        sa.Column("resource_group", sa.String(length=128), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column(
            "facts",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("removed_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory_resources")),
    )
    with op.batch_alter_table("inventory_resources", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inventory_resources_order", ["kind", "name_key", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_inventory_resources_subscription_id"), ["subscription_id"], unique=False
        )

    op.create_table(
        "inventory_tags",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subscription_id", sa.String(length=36), nullable=False),
        sa.Column("tag_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("name_key", sa.String(length=512), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "kind", "subscription_id", "tag_id", name=op.f("pk_inventory_tags")
        ),
    )
    with op.batch_alter_table("inventory_tags", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inventory_tags_order", ["name_key", "value", "tag_id"], unique=False
        )

    op.create_table(
        "repository_upkeep",
        sa.Column("repository_id", sa.String(length=36), nullable=False),
        sa.Column(
            "newest_points",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("finished_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("damaged_objects", sa.Integer(), nullable=False),
        sa.Column("hurt_points", sa.Integer(), nullable=False),
        sa.Column("lost_points", sa.Integer(), nullable=False),
        sa.Column("all_read_on", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_repository_upkeep")),
    )
    op.create_table(
        "session_day_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "type", "status", name=op.f("pk_session_day_counts")),
    )
    op.create_table(
        "session_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("closed_until", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_history")),
    )
    op.create_table(
        "session_names",
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("kind", "ref", "name", name=op.f("pk_session_names")),
    )
    op.create_table(
        "sign_in_locks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("locked_until", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sign_in_locks")),
    )
    with op.batch_alter_table("sign_in_locks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sign_in_locks_last_failed_at"), ["last_failed_at"], unique=False
        )

    op.create_table(
        "standard_accounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("username", sa.String(length=255), nullable=True),
        sa.Column("password_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "sql_server_ids",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("created_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standard_accounts")),
    )
    with op.batch_alter_table("standard_accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_standard_accounts_kind"), ["kind"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_standard_accounts_name_key"), ["name_key"], unique=False
        )

    op.create_table(
        "mfa_enrolments",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column(
            "code_macs",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("expires_at", kyanite.db.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_mfa_enrolments_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_mfa_enrolments")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("code_mac", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "code_mac", name=op.f("pk_recovery_codes")),
    )
    with op.batch_alter_table("inventory_machines", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("fingerprint", sa.String(length=32), nullable=False, server_default="")
        )

    with op.batch_alter_table("inventory_regions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "zones",
                sa.JSON(none_as_null=True).with_variant(
                    postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
                ),
                nullable=False,
                server_default="[]",
            )
        )

    with op.batch_alter_table("inventory_resource_groups", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("fingerprint", sa.String(length=32), nullable=False, server_default="")
        )

    with op.batch_alter_table("inventory_storage_accounts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("fingerprint", sa.String(length=32), nullable=False, server_default="")
        )

    with op.batch_alter_table("login_attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name_key", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("address", sa.String(), nullable=False, server_default=""))
        batch_op.create_index(
            "ix_login_attempts_name_key_address", ["name_key", "address", "succeeded"], unique=False
        )

    with op.batch_alter_table("repositories", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_master_key_sealed", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("engine_fingerprint", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("key_vault_azure_id", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("key_vault_name", sa.String(length=127), nullable=True))
        batch_op.add_column(sa.Column("key_uri", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("key_version", sa.String(length=64), nullable=True))
        batch_op.add_column(
            sa.Column("key_gone_since", kyanite.db.tables.UtcDateTime(timezone=True), nullable=True)
        )

    with op.batch_alter_table("service_accounts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "visible_subscription_names",
                sa.JSON(none_as_null=True).with_variant(
                    postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
                ),
                nullable=False,
                server_default="{}",
            )
        )
        batch_op.add_column(
            sa.Column("worker_resource_group", sa.String(length=128), nullable=True)
        )
        batch_op.add_column(sa.Column("group_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("group_name", sa.String(length=256), nullable=True))

    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "began_at",
                kyanite.db.tables.UtcDateTime(timezone=True),
                nullable=False,
                server_default="2000-01-01 00:00:00",
            )
        )
        batch_op.add_column(
            sa.Column(
                "info",
                sa.JSON(none_as_null=True).with_variant(
                    postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
                ),
                nullable=True,
            )
        )
        batch_op.drop_index(batch_op.f("ix_sessions_created_at_id"))
        batch_op.drop_index(batch_op.f("ix_sessions_policy_id_created_at_id"))
        batch_op.drop_index(batch_op.f("ix_sessions_repository_id_status"))
        batch_op.drop_index(batch_op.f("ix_sessions_status_created_at_id"))
        batch_op.drop_index(batch_op.f("ix_sessions_type_created_at_id"))
        batch_op.create_index(
            "ix_sessions_began", ["began_at", "id", "status", "type"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sessions_finished_at"), ["finished_at"], unique=False)
        batch_op.create_index(
            "ix_sessions_policy", ["policy_id", "began_at", "id", "status", "type"], unique=False
        )
        batch_op.create_index(
            "ix_sessions_repository",
            ["repository_id", "began_at", "id", "status", "type"],
            unique=False,
        )
        batch_op.create_index(
            "ix_sessions_status", ["status", "began_at", "id", "type"], unique=False
        )
        batch_op.create_index(
            "ix_sessions_type", ["type", "status", "began_at", "id"], unique=False
        )

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("identity_provider_entity_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("mfa_secret", sa.LargeBinary(), nullable=True))
        batch_op.add_column(
            sa.Column("mfa_last_step", sa.BigInteger(), nullable=False, server_default="0")
        )

    _fill()
    # The values above were for the rows there were; new ones bring theirs.
    with op.batch_alter_table("inventory_machines", schema=None) as batch_op:
        batch_op.alter_column("fingerprint", server_default=None)

    with op.batch_alter_table("inventory_regions", schema=None) as batch_op:
        batch_op.alter_column("zones", server_default=None)

    with op.batch_alter_table("inventory_resource_groups", schema=None) as batch_op:
        batch_op.alter_column("fingerprint", server_default=None)

    with op.batch_alter_table("inventory_storage_accounts", schema=None) as batch_op:
        batch_op.alter_column("fingerprint", server_default=None)

    with op.batch_alter_table("login_attempts", schema=None) as batch_op:
        batch_op.alter_column("name_key", server_default=None)
        batch_op.alter_column("address", server_default=None)

    with op.batch_alter_table("service_accounts", schema=None) as batch_op:
        batch_op.alter_column("visible_subscription_names", server_default=None)

    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.alter_column("began_at", server_default=None)

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.alter_column("mfa_last_step", server_default=None)


def _fill() -> None:
    """What rows of the first path have to say in the new columns and tables."""
    op.execute("UPDATE sessions SET began_at = COALESCE(started_at, created_at)")
    op.execute("UPDATE login_attempts SET name_key = LOWER(username)")
    for kind, ref, name, table in (
        ("policy", "policy_id", "policy_name", "sessions"),
        ("repository", "repository_id", "repository_name", "sessions"),
        ("resource", "resource_id", "name", "session_items"),
    ):
        op.execute(
            "INSERT INTO session_names (kind, ref, name) "  # noqa: S608 - only the words above
            f"SELECT DISTINCT '{kind}', {ref}, {name} FROM {table} "
            f"WHERE {ref} <> '' AND {name} <> ''"
        )
    _name_subscriptions()


def _name_subscriptions() -> None:
    """Accounts say the names of what they see, which the inventory knows already."""
    connection = op.get_bind()
    names = {
        subscription_id: name
        for subscription_id, name in connection.execute(
            sa.text("SELECT id, name FROM inventory_subscriptions")
        )
    }
    accounts = sa.table(
        "service_accounts",
        sa.column("id", sa.String),
        sa.column("visible_subscription_ids", kyanite.db.tables.Json),
        sa.column("visible_subscription_names", kyanite.db.tables.Json),
    )
    for account_id, visible in connection.execute(
        sa.select(accounts.c.id, accounts.c.visible_subscription_ids)
    ).all():
        connection.execute(
            sa.update(accounts)
            .where(accounts.c.id == account_id)
            .values(visible_subscription_names={one: names.get(one, one) for one in visible or ()})
        )


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("mfa_last_step")
        batch_op.drop_column("mfa_secret")
        batch_op.drop_column("identity_provider_entity_id")

    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_sessions_type")
        batch_op.drop_index("ix_sessions_status")
        batch_op.drop_index("ix_sessions_repository")
        batch_op.drop_index("ix_sessions_policy")
        batch_op.drop_index(batch_op.f("ix_sessions_finished_at"))
        batch_op.drop_index("ix_sessions_began")
        batch_op.create_index(
            batch_op.f("ix_sessions_type_created_at_id"), ["type", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_sessions_status_created_at_id"),
            ["status", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_sessions_repository_id_status"),
            ["repository_id", "status"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_sessions_policy_id_created_at_id"),
            ["policy_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_sessions_created_at_id"), ["created_at", "id"], unique=False
        )
        batch_op.drop_column("info")
        batch_op.drop_column("began_at")

    with op.batch_alter_table("service_accounts", schema=None) as batch_op:
        batch_op.drop_column("group_name")
        batch_op.drop_column("group_id")
        batch_op.drop_column("worker_resource_group")
        batch_op.drop_column("visible_subscription_names")

    with op.batch_alter_table("repositories", schema=None) as batch_op:
        batch_op.drop_column("key_gone_since")
        batch_op.drop_column("key_version")
        batch_op.drop_column("key_uri")
        batch_op.drop_column("key_vault_name")
        batch_op.drop_column("key_vault_azure_id")
        batch_op.drop_column("engine_fingerprint")
        batch_op.drop_column("next_master_key_sealed")

    with op.batch_alter_table("login_attempts", schema=None) as batch_op:
        batch_op.drop_index("ix_login_attempts_name_key_address")
        batch_op.drop_column("address")
        batch_op.drop_column("name_key")

    with op.batch_alter_table("inventory_storage_accounts", schema=None) as batch_op:
        batch_op.drop_column("fingerprint")

    with op.batch_alter_table("inventory_resource_groups", schema=None) as batch_op:
        batch_op.drop_column("fingerprint")

    with op.batch_alter_table("inventory_regions", schema=None) as batch_op:
        batch_op.drop_column("zones")

    with op.batch_alter_table("inventory_machines", schema=None) as batch_op:
        batch_op.drop_column("fingerprint")

    op.drop_table("recovery_codes")
    op.drop_table("mfa_enrolments")
    with op.batch_alter_table("standard_accounts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_standard_accounts_name_key"))
        batch_op.drop_index(batch_op.f("ix_standard_accounts_kind"))

    op.drop_table("standard_accounts")
    with op.batch_alter_table("sign_in_locks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_locks_last_failed_at"))

    op.drop_table("sign_in_locks")
    op.drop_table("session_names")
    op.drop_table("session_history")
    op.drop_table("session_day_counts")
    op.drop_table("repository_upkeep")
    with op.batch_alter_table("inventory_tags", schema=None) as batch_op:
        batch_op.drop_index("ix_inventory_tags_order")

    op.drop_table("inventory_tags")
    with op.batch_alter_table("inventory_resources", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inventory_resources_subscription_id"))
        batch_op.drop_index("ix_inventory_resources_order")

    op.drop_table("inventory_resources")
    with op.batch_alter_table("device_sign_ins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_sign_ins_expires_at"))

    op.drop_table("device_sign_ins")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entries_at"))

    op.drop_table("audit_entries")
