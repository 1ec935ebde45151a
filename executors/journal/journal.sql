CREATE TABLE journal (
  id INTEGER PRIMARY KEY CHECK (id = 1), plan_digest TEXT NOT NULL, made_at_ms INTEGER NOT NULL,
  doubtful_since_ms INTEGER, crc INTEGER NOT NULL
);
CREATE TABLE run (
  id INTEGER PRIMARY KEY, state TEXT NOT NULL, began_at_ms INTEGER NOT NULL, ended_at_ms INTEGER,
  host TEXT NOT NULL, pid INTEGER NOT NULL, executor TEXT NOT NULL, tool_version TEXT NOT NULL,
  engines TEXT NOT NULL, reason TEXT
);
CREATE TABLE root (
  id INTEGER PRIMARY KEY CHECK (id = 1), path BLOB NOT NULL, inode INTEGER, crc INTEGER NOT NULL
);
CREATE TABLE batch (
  id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, begun_at_ms INTEGER NOT NULL, is_open INTEGER NOT NULL,
  actions INTEGER NOT NULL, done BLOB NOT NULL, withheld TEXT, crc INTEGER NOT NULL
);
CREATE TABLE outcome (
  batch INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
  evidence TEXT NOT NULL, failure TEXT, side TEXT, attempts INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  unclear_since_ms INTEGER, crc INTEGER NOT NULL, PRIMARY KEY (batch, position)
) WITHOUT ROWID;
CREATE TABLE proof (
  batch INTEGER NOT NULL, proved_by TEXT NOT NULL, actions BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (batch, proved_by)
) WITHOUT ROWID;
CREATE TABLE upload (
  batch INTEGER NOT NULL, position INTEGER NOT NULL, upload_id TEXT NOT NULL, part_size_bytes INTEGER NOT NULL,
  crc INTEGER NOT NULL, PRIMARY KEY (batch, position)
) WITHOUT ROWID;
CREATE TABLE part (
  batch INTEGER NOT NULL, position INTEGER NOT NULL, upload_id TEXT NOT NULL, number INTEGER NOT NULL,
  etag TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (batch, position, number)
) WITHOUT ROWID;
