"""An idempotency key belongs to the token that it came with: its digest, not its name, which may be given again."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE answers SET caller = (SELECT token_sha256 FROM tokens WHERE tokens.name = answers.caller)"
        " WHERE EXISTS (SELECT 1 FROM tokens WHERE tokens.name = answers.caller)"
    )
