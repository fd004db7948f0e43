//! A whole secondary name server as a library: who refreshes when, and what becomes of each result
