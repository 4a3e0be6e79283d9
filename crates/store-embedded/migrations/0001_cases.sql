-- Cases, the subscriber directory and the list of evidence. Times are microseconds since 1970-01-01T00:00:00Z.
-- A column called `sealed_…` holds bytes of the gate's codec; one called `token…` a keyed hash. Nothing else in a row
-- says who a subscriber is or which endpoint a case is about.

CREATE TABLE desk_case (
  id           TEXT PRIMARY KEY,
  opened_us    INTEGER NOT NULL,
  opened_by    TEXT NOT NULL,
  closed_us    INTEGER,
  closed_by    TEXT,
  sealed_title BLOB,
  CHECK ((closed_us IS NULL) = (closed_by IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX desk_case_by_time ON desk_case (opened_us);

CREATE TABLE case_number (
  year INTEGER PRIMARY KEY,
  last INTEGER NOT NULL
) STRICT;

CREATE TABLE case_entry (
  case_id       TEXT NOT NULL REFERENCES desk_case (id),
  number        INTEGER NOT NULL,
  at_us         INTEGER NOT NULL,
  by_person     TEXT NOT NULL,
  what          TEXT NOT NULL,
  journal_index INTEGER,
  sealed_text   BLOB,
  PRIMARY KEY (case_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE case_participant (
  case_id TEXT NOT NULL REFERENCES desk_case (id),
  number  INTEGER NOT NULL,
  person  TEXT NOT NULL,
  PRIMARY KEY (case_id, number),
  UNIQUE (case_id, person)
) STRICT, WITHOUT ROWID;

-- A contract. `content` is a keyed hash over what the latest import had; `before_us` the import before the latest.
CREATE TABLE subscriber (
  number    INTEGER PRIMARY KEY,
  token     BLOB NOT NULL UNIQUE,
  sealed_id BLOB NOT NULL,
  content   BLOB NOT NULL,
  before_us INTEGER NOT NULL,
  seen_us   INTEGER NOT NULL
) STRICT;

-- A contract as one import had it, in as many parts as that import had rows for it.
CREATE TABLE subscriber_version (
  subscriber    INTEGER NOT NULL REFERENCES subscriber (number) ON DELETE CASCADE,
  since_us      INTEGER NOT NULL,
  part          INTEGER NOT NULL,
  sealed_record BLOB NOT NULL,
  PRIMARY KEY (subscriber, since_us, part)
) STRICT, WITHOUT ROWID;

-- A name of a line. It held within [from_us, until_us) by the directory's word, not before `since_us` and not from
-- `gone_us` on by what the imports showed. `family` and `length` are told for a name that is a prefix.
CREATE TABLE line_name (
  number     INTEGER PRIMARY KEY,
  subscriber INTEGER NOT NULL REFERENCES subscriber (number) ON DELETE CASCADE,
  token      BLOB NOT NULL,
  family     INTEGER,
  length     INTEGER,
  realm      TEXT,
  from_us    INTEGER NOT NULL,
  until_us   INTEGER NOT NULL,
  since_us   INTEGER NOT NULL,
  gone_us    INTEGER NOT NULL
) STRICT;

CREATE INDEX line_name_by_subscriber ON line_name (subscriber);

CREATE TABLE exhibit (
  case_id     TEXT NOT NULL REFERENCES desk_case (id),
  digest      BLOB NOT NULL CHECK (length(digest) = 32),
  size_bytes  INTEGER NOT NULL,
  media_type  TEXT NOT NULL,
  data        TEXT NOT NULL,
  by_person   TEXT NOT NULL,
  at_us       INTEGER NOT NULL,
  sealed_name BLOB NOT NULL,
  PRIMARY KEY (case_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX exhibit_by_digest ON exhibit (digest);
