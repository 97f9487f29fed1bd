//! What jobs and people run.
