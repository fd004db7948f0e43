//! Secondary zones as an operator sees them: primaries, keys, quota, states, and the registry that judges every command
