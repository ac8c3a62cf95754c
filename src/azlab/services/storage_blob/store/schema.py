"""Tables of the blob service.

`blobs` holds one row per committed generation of a blob that is kept: the blob itself (`role` base,
one per name, as a unique index says), previous versions, snapshots, and all of these soft-deleted.
Columns ending in `_json` hold one record each; times are ISO 8601 texts in UTC.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS containers (
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    etag TEXT NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    metadata_json TEXT NOT NULL,
    policies_json TEXT NOT NULL,
    lease_json TEXT,
    worm_json TEXT,
    public_access TEXT NOT NULL DEFAULT '',
    deleted_json TEXT,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS blobs (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    container TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    headers_json TEXT NOT NULL,
    metadata_json TEXT NOT NULL,
    tags_json TEXT NOT NULL,
    tier_json TEXT NOT NULL,
    lease_json TEXT,
    copy_json TEXT,
    role TEXT NOT NULL DEFAULT 'base',
    version_id TEXT,
    snapshot TEXT,
    protection_json TEXT,
    deleted_json TEXT
);

CREATE TABLE IF NOT EXISTS segments (
    blob_row_id INTEGER NOT NULL,
    start INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    content_id TEXT NOT NULL,
    block_id TEXT,
    PRIMARY KEY (blob_row_id, sequence)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segments_by_content ON segments (content_id);

CREATE TABLE IF NOT EXISTS uncommitted_blocks (
    account TEXT NOT NULL,
    container TEXT NOT NULL,
    name TEXT NOT NULL,
    block_id TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    content_id TEXT NOT NULL,
    PRIMARY KEY (account, container, name, block_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uncommitted_by_content ON uncommitted_blocks (content_id);

CREATE TABLE IF NOT EXISTS accounts (
    account TEXT NOT NULL PRIMARY KEY,
    delegation_secret BLOB NOT NULL,
    service_properties_xml TEXT NOT NULL,
    settings_json TEXT
) WITHOUT ROWID;
"""

# What tables of an older lab lack: table -> column -> declaration.
ADDED_COLUMNS = {
    "containers": {
        "worm_json": "TEXT",
        "public_access": "TEXT NOT NULL DEFAULT ''",
        "deleted_json": "TEXT",
    },
    "blobs": {
        "role": "TEXT NOT NULL DEFAULT 'base'",
        "version_id": "TEXT",
        "snapshot": "TEXT",
        "protection_json": "TEXT",
        "deleted_json": "TEXT",
    },
    "accounts": {"settings_json": "TEXT"},
}

INDEXES = """
DROP INDEX IF EXISTS blobs_by_name;
CREATE UNIQUE INDEX IF NOT EXISTS blobs_live ON blobs (account, container, name)
    WHERE role = 'base' AND deleted_json IS NULL;
CREATE INDEX IF NOT EXISTS blobs_all ON blobs (account, container, name, version_id);
CREATE INDEX IF NOT EXISTS blobs_deleted ON blobs (account, container)
    WHERE deleted_json IS NOT NULL;
"""

TABLES = ("containers", "blobs", "segments", "uncommitted_blocks", "accounts")
