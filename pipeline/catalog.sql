-- One row a source. Everything below is named as in the files that it was read from.
CREATE TABLE videos (
    folder TEXT PRIMARY KEY,        -- of the result, below the output folder
    name TEXT NOT NULL,             -- of the source; what is no plain text in it percent-encoded
    status TEXT NOT NULL,           -- done, empty, partial, failed, crashed, timeout, limit, ...
    phase TEXT NOT NULL,            -- the stage at which it ended, where it did not end well
    reason TEXT NOT NULL,
    warnings TEXT NOT NULL,         -- one a line
    present INTEGER NOT NULL,       -- 0: the source was gone when a run last looked
    duplicate_of TEXT NOT NULL,     -- name of the source with the same content
    sha256 TEXT NOT NULL,           -- of the source's content
    size_bytes INTEGER NOT NULL,
    duration_s REAL,                -- as the container says
    width INTEGER,
    height INTEGER,
    frame_rate REAL,
    codec TEXT,
    frames INTEGER NOT NULL,        -- decoded
    faces INTEGER NOT NULL,         -- detections that count
    tracks INTEGER NOT NULL,
    crops INTEGER NOT NULL,
    dropped_tracks INTEGER NOT NULL,
    page TEXT,                      -- below folder, where there is one
    annotated TEXT,                 -- below folder, where there is one
    program TEXT NOT NULL,
    fingerprint TEXT NOT NULL       -- of all that rows are made of, to see whether it is news
) WITHOUT ROWID;

CREATE INDEX videos_by_name ON videos (name);
CREATE INDEX videos_by_content ON videos (sha256);

-- One row a track: tracks.csv.
CREATE TABLE tracks (
    folder TEXT NOT NULL REFERENCES videos ON DELETE CASCADE,
    track_id INTEGER NOT NULL,      -- from 1
    shot INTEGER NOT NULL,          -- from 1
    first_frame INTEGER NOT NULL,   -- frames count from 0
    last_frame INTEGER NOT NULL,
    first_time_s REAL NOT NULL,     -- the source's presentation time
    last_time_s REAL NOT NULL,
    first_from_start_s REAL NOT NULL,   -- since the first frame
    last_from_start_s REAL NOT NULL,
    frames INTEGER NOT NULL,
    detected_frames INTEGER NOT NULL,
    rescued_frames INTEGER NOT NULL,
    interpolated_frames INTEGER NOT NULL,
    min_width_px REAL NOT NULL,
    max_width_px REAL NOT NULL,
    min_height_px REAL NOT NULL,
    max_height_px REAL NOT NULL,
    mean_score REAL NOT NULL,
    crops INTEGER NOT NULL,
    best_crop TEXT NOT NULL,        -- below folder
    best_frame INTEGER NOT NULL,
    best_time_s REAL NOT NULL,
    best_from_start_s REAL NOT NULL,
    best_quality REAL NOT NULL,     -- 0 to 1
    best_reason TEXT NOT NULL,      -- why the best look is poor; empty where it is good
    PRIMARY KEY (folder, track_id)
) WITHOUT ROWID;

-- One row a kept look: the rows of boxes.parquet with a rank.
CREATE TABLE crops (
    folder TEXT NOT NULL REFERENCES videos ON DELETE CASCADE,
    track_id INTEGER NOT NULL,
    rank INTEGER NOT NULL,          -- 1 is the best
    crop TEXT,                      -- below folder
    frame INTEGER NOT NULL,
    time_s REAL NOT NULL,
    from_start_s REAL NOT NULL,
    x1 REAL NOT NULL,               -- pixels of the upright full-size picture
    y1 REAL NOT NULL,
    x2 REAL NOT NULL,
    y2 REAL NOT NULL,
    score REAL NOT NULL,
    kind TEXT NOT NULL,
    quality REAL NOT NULL,
    quality_size REAL NOT NULL,
    quality_sharpness REAL NOT NULL,
    quality_score REAL NOT NULL,
    quality_inside REAL NOT NULL,
    quality_exposure REAL NOT NULL,
    reason TEXT,
    PRIMARY KEY (folder, track_id, rank)
) WITHOUT ROWID;

-- The best look at every track, with its path below the output folder.
CREATE VIEW best_crops AS
    SELECT
        folder || '/' || best_crop AS path,
        name,
        track_id,
        best_quality AS quality,
        best_reason AS reason,
        best_time_s AS time_s,
        best_from_start_s AS from_start_s,
        last_time_s - first_time_s AS on_screen_s
    FROM tracks JOIN videos USING (folder)
    WHERE best_crop != '';

-- What did not end well, and why.
CREATE VIEW problems AS
    SELECT name, status, phase, reason, folder
    FROM videos
    WHERE status NOT IN ('done', 'empty', 'duplicate', 'skipped');
