//! The threat table: what a hostile plugin, a hostile cloud or a hostile file system tries, and what comes of it.

mod sandbox;
