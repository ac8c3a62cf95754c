"""The order of machines."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_inventory_machines_order", "inventory_machines", [sa.text("lower(name)"), "id"]
    )


def downgrade() -> None:
    op.drop_index("ix_inventory_machines_order", "inventory_machines")
