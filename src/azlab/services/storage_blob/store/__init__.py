"""What the blob service keeps: metadata in its own SQLite file, contents as plain files."""
