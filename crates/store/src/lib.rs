//! Versions of zones: held in packed pages, edited by copy, looked up, and kept on disk
