//! The management APIs over HTTP: the model in the shapes of public clouds
