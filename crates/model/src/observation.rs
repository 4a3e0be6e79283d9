//! One fact that came in from the access network, in the terms that all its formats share.

use std::net::IpAddr;

use crate::{
    Assignment, CoverageSpan, Identity, PortRange, Prefix, Protocol, Realm, Remote, SourceName, UtcMicros,
};

/// When something happened, as far as its record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct When {
    /// By the clock of the device that logged it.
    pub logged: Option<UtcMicros>,
    /// When the record reached this program or its log server, less the delay that the record admits
    /// (Acct-Delay-Time): it happened not after this. `None` when nobody noted it.
    pub not_after: Option<UtcMicros>,
}

/// One fact that came in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Observation {
    /// Which source: the device, not the file.
    pub source: SourceName,
    /// Address plan of what it speaks about.
    pub realm: Realm,
    /// Where in the source's records: a line, a byte offset, a sequence number.
    pub record: u64,
    /// What.
    pub what: Observed,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Observed {
    /// An access session began, went on or ended (RADIUS accounting).
    Session(SessionEvent),
    /// A device came up or went down: none of its sessions survives (Accounting-On, Accounting-Off).
    DeviceRestart(When),
    /// A lease as its server wrote it down.
    Lease(LeaseEvent),
    /// A gateway made or dropped a translation.
    Nat(NatEvent),
    /// A finished row: static tables, venues, rules.
    Row(Box<Assignment>),
    /// What a source says of itself: alive, records lost.
    Coverage(CoverageSpan),
}

/// Which moment of a session or translation a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// It began.
    Start,
    /// It goes on.
    Alive,
    /// It ended.
    Stop,
}

/// A record of an access session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionEvent {
    /// Which moment.
    pub moment: Moment,
    /// When.
    pub when: When,
    /// The device's own id of the session (Acct-Session-Id).
    pub session: String,
    /// How long it has lasted, seconds, as the device counts (Acct-Session-Time).
    pub lasted_s: Option<u32>,
    /// Addresses and prefixes that the line has.
    pub holds: Vec<Prefix>,
    /// Ports of outside addresses that the line has (RFC 8045, vendors' attributes).
    pub ports: Vec<(IpAddr, PortRange)>,
    /// Names of the line, the surest first.
    pub names: Vec<Identity>,
}

/// State of a lease as its server wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseState {
    /// Given to the client, from `since` to `expires` unless renewed or ended before.
    Active,
    /// Given back by the client.
    Released,
    /// Ran out and was taken back.
    Expired,
    /// In use by somebody the server does not know (declined, abandoned).
    Declined,
}

/// One version of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseEvent {
    /// Its state from then on.
    pub state: LeaseState,
    /// Address or delegated prefix.
    pub prefix: Prefix,
    /// When the client last asked; of a lease given back: when that was done at the latest. By the server's clock.
    pub since: UtcMicros,
    /// When it will run out, `None`: never; of a lease given back: when that was done at the earliest.
    pub expires: Option<UtcMicros>,
    /// Names of the line, the surest first.
    pub names: Vec<Identity>,
}

/// A record of a translation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NatEvent {
    /// Which moment.
    pub moment: Moment,
    /// When.
    pub when: When,
    /// When the translation began, if a later record tells.
    pub began: Option<UtcMicros>,
    /// Protocol.
    pub proto: Protocol,
    /// Realm of the inside address.
    pub inside_realm: Realm,
    /// Inside address.
    pub inside: IpAddr,
    /// Inside port, for single connections.
    pub inside_port: Option<u16>,
    /// Outside address.
    pub outside: IpAddr,
    /// Outside ports: one for a connection, a block, or all for a binding of the whole address.
    pub ports: PortRange,
    /// The far side, when logged.
    pub remote: Option<Remote>,
    /// The gateway's own id of the translation, 0 for none.
    pub id: u64,
}
