CREATE TABLE header (
    id INTEGER PRIMARY KEY,
    document TEXT NOT NULL,
    content_digest BLOB NOT NULL,
    plan_digest BLOB NOT NULL
);
CREATE TABLE location (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    url TEXT NOT NULL,
    connection TEXT NOT NULL,
    endpoint TEXT,
    region TEXT,
    bucket TEXT NOT NULL,
    prefix TEXT NOT NULL,
    owner TEXT,
    path TEXT,
    root_inode INTEGER,
    follows INTEGER NOT NULL,
    has_short_stamps INTEGER NOT NULL,
    trash TEXT,
    stays_on_device INTEGER NOT NULL,
    store TEXT NOT NULL,
    customer_key TEXT,
    customer_key_fingerprint TEXT
);
CREATE TABLE phase (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    name TEXT NOT NULL
);
CREATE TABLE edge (
    before_phase INTEGER NOT NULL REFERENCES phase (id),
    after_phase INTEGER NOT NULL REFERENCES phase (id),
    needs TEXT NOT NULL,
    PRIMARY KEY (before_phase, after_phase)
) WITHOUT ROWID;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    phase INTEGER NOT NULL REFERENCES phase (id),
    from_location INTEGER REFERENCES location (id),
    to_location INTEGER REFERENCES location (id),
    first_action INTEGER NOT NULL REFERENCES action (id),
    actions INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    digest BLOB NOT NULL,
    of_batch INTEGER REFERENCES batch (id)
);
CREATE TABLE action (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    reason TEXT NOT NULL,
    source_pin TEXT,
    source_mtime_ms INTEGER,
    source_version TEXT,
    destination_pin TEXT,
    destination_mtime_ms INTEGER,
    destination_key BLOB,
    storage_class TEXT
);
