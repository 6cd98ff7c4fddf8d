import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from storage import migrations
from storage.schema import metadata


def _is_plain(name: str | None, _kind: str, _parents: object) -> bool:
    """Each engine has indexes of its own kind, of which the common schema says nothing."""
    return not (name or "").startswith(("item_terms", "entry_labels"))


def test_the_migrations_make_what_the_schema_says() -> None:
    with create_engine("sqlite://").connect() as connection:
        migrations.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"include_name": _is_plain})
        assert compare_metadata(context, metadata) == []


def test_the_head_that_is_named_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_a_database_stands_at_the_head_after_an_upgrade_and_nowhere_before() -> None:
    with create_engine("sqlite://").connect() as connection:
        assert migrations.current(connection) is None
        migrations.upgrade(connection)
        assert migrations.current(connection) == migrations.HEAD


def test_a_database_that_stands_at_the_head_is_opened_without_alembic(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
from storage.database import open_database

async def opened():
    await (await open_database("sqlite+aiosqlite:///{tmp_path / "kept.db"}")).close()
    print("alembic" in sys.modules)

asyncio.run(opened())
"""
    told = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert told == [b"True\n", b"False\n"]
