//! What arrives: octets with the true time of their arrival.

use tadoru_model::UtcMicros;

/// A packet, datagram or line and when it arrived.
#[derive(Clone)]
pub(super) struct Delivered {
    pub at: UtcMicros,
    pub bytes: Vec<u8>,
}
