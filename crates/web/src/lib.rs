//! The desk's face: routes for machines, a client of the very same routes for our own commands, and a console over them for
//! people.
//!
//! What comes in: requests of a person whom the transport has named (a socket's peer, a bearer of a token, the process
//! itself) or who has signed in. What goes out: JSON and pages. It parses, calls the desk and renders; it holds no rule and
//! no store, and no error or log of it holds an address or a name of a subscriber.

pub mod api;
pub mod client;
pub mod console;
pub mod pages;
pub mod serve;
pub mod session;
pub mod sign_in;
pub mod words;

mod assets;
mod cookie;
mod lines;

pub use self::api::{Api, router};
pub use self::client::Client;
pub use self::console::{Console, Outside, with_console};
