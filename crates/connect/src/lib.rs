//! From the files and systems businesses use to records.
