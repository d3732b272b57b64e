//! Signs plugins and verifies who signed them. Nothing here opens a socket: a bundle, a trust root and bytes go in,
//! a verdict comes out.
