//! The desk's face to programs: routes for machines, and a client of the very same routes for our own commands.
//!
//! What comes in: requests of a person whom the transport has named (a socket's peer, a bearer of a token, the process
//! itself). What goes out: JSON. It parses, calls the desk and renders; it holds no rule and no store, and no error or
//! log of it holds an address or a name of a subscriber.

pub mod api;
pub mod client;
pub mod serve;

mod lines;

pub use self::api::{Api, router};
pub use self::client::Client;
