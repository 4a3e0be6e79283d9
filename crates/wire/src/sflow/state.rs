//! What must outlive a restart of ours: each agent's number, rate and counters, as octets.
//!
//! Comes in and goes out: octets of our own form, with a mark and a version in front. What cannot be read is refused as
//! a whole.

use super::{Agent, AgentKey, Decoder, MOST_SOURCES, Totals};
use crate::flow::{SampleSequence, StateError, StateReader, StateWriter};

impl Decoder {
    /// Everything that a decoder after a restart needs to go on reading.
    pub fn save(&self) -> Vec<u8> {
        let mut out = StateWriter(MARK.to_vec());
        let mut agents: Vec<_> = self.agents.iter().collect();
        agents.sort_by_key(|(key, _)| (key.source, key.agent, key.sub_agent));
        out.len(agents.len());
        for (key, agent) in agents {
            out.address(key.source);
            out.maybe(key.agent, StateWriter::address);
            out.u32(key.sub_agent);
            out.last(agent.sequence.last());
            out.u32(agent.rate);
            let Totals { datagrams, rows, counters, lost, drops, last_us } = agent.totals;
            for count in [datagrams, rows, counters, lost, drops] {
                out.u64(count);
            }
            out.i64(last_us);
            out.len(agent.drops.len());
            for (source, drops) in &agent.drops {
                out.u64(*source);
                out.u32(*drops);
            }
        }
        out.0
    }

    /// Takes in what [`Decoder::save`] gave; agents already known are left as they are, and the bounds of this decoder
    /// hold.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let rest = bytes.strip_prefix(MARK).ok_or(StateError::Mark)?;
        let mut reader = StateReader { bytes: rest, at: 0 };
        let restored = agents(&mut reader).filter(|_| reader.at == rest.len());
        for (key, agent) in restored.ok_or(StateError::Broken(MARK.len() + reader.at))? {
            if self.agents.len() < self.max_agents && !self.agents.contains_key(&key) {
                *self.own.entry(key.source).or_default() += 1;
                self.sources += agent.drops.len();
                self.agents.insert(key, agent);
            }
        }
        Ok(())
    }
}

fn agents(reader: &mut StateReader<'_>) -> Option<Vec<(AgentKey, Agent)>> {
    let mut agents = Vec::new();
    for _ in 0..reader.u32()? {
        let key = AgentKey {
            source: reader.address()?,
            agent: reader.maybe(StateReader::address)?,
            sub_agent: reader.u32()?,
        };
        let sequence = SampleSequence::behind(reader.last()?);
        let rate = reader.u32()?;
        let mut next = || reader.u64();
        let (datagrams, rows, counters, lost, drops) = (next()?, next()?, next()?, next()?, next()?);
        let totals = Totals { datagrams, rows, counters, lost, drops, last_us: reader.i64()? };
        let mut agent = Agent { sequence, rate, totals, ..Agent::default() };
        let sources = usize::try_from(reader.u32()?).ok().filter(|sources| *sources <= MOST_SOURCES)?;
        for _ in 0..sources {
            agent.drops.insert(reader.u64()?, reader.u32()?);
        }
        agents.push((key, agent));
    }
    Some(agents)
}

/// What a saved state begins with.
const MARK: &[u8] = b"tadoru sflow state 1\n";
