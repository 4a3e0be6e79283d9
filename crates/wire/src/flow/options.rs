//! What options data tells of an exporter: sampling rates, names of interfaces, names of applications.
//!
//! Comes in: records of options templates. Goes out: tables of bounded size, looked up while data is read. Sources:
//! RFC 3954 section 6.1, RFC 5476 section 6.5 and RFC 5477 section 8 (selectors), RFC 6759 (applications), Cisco's
//! "NetFlow Version 9 Flow-Record Format" (samplers and interface tables).

use std::collections::BTreeMap;

use crate::flow::{
    template::{Layout, Length, Purpose, Space, Template, variable_length},
    traffic::ratio,
};

/// Sampling rates of one stream: one packet in so many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sampling {
    pub domain: Option<u32>,
    pub selectors: BTreeMap<u64, u32>,
    pub interfaces: BTreeMap<u32, u32>,
}

impl Sampling {
    pub(super) fn of_domain(&self) -> u32 {
        self.domain.unwrap_or(0)
    }

    pub(super) fn of_selector(&self, selector: u64) -> Option<u32> {
        self.selectors.get(&selector).copied()
    }

    pub(super) fn of_interface(&self, index: u32) -> Option<u32> {
        self.interfaces.get(&index).copied()
    }

    pub(super) fn has_selectors(&self) -> bool {
        !self.selectors.is_empty()
    }

    pub(super) fn has_interfaces(&self) -> bool {
        !self.interfaces.is_empty()
    }
}

/// Everything that options data of one stream told.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub sampling: Sampling,
    /// Names of interfaces by index.
    pub interfaces: BTreeMap<u32, Box<str>>,
    /// Names of applications by their id (RFC 6759: classification engine and selector).
    pub applications: BTreeMap<u64, Box<str>>,
}

impl Told {
    /// Names and rates in it.
    pub(super) fn entries(&self) -> usize {
        let Self { sampling, interfaces, applications } = self;
        sampling.selectors.len() + sampling.interfaces.len() + interfaces.len() + applications.len()
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("sampling", &self.sampling)
            .field("interfaces", &self.interfaces.len())
            .field("applications", &self.applications.len())
            .finish()
    }
}

/// Which fields of an options template are read.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    steps: Box<[(Option<Item>, Length)]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Selector,
    Interface,
    Interval,
    Taken,
    Left,
    Size,
    Population,
    InterfaceName,
    InterfaceText,
    Application,
    ApplicationName,
    ApplicationText,
}

/// One options record.
#[derive(Default)]
struct Record<'a> {
    values: [Option<&'a [u8]>; ITEMS],
}

impl Plan {
    /// The plan of an options template that tells any of it, else `None`.
    pub(super) fn compile(template: &Template) -> Option<Self> {
        if template.purpose == Purpose::Data {
            return None;
        }
        let item = |field: &crate::flow::template::Field| match (field.space, field.element.enterprise) {
            (Space::V9Scope, _) => (field.element.id == V9_SCOPE_INTERFACE).then_some(Item::Interface),
            (Space::Element, 0) => item_of(field.element.id),
            (Space::Element, _) => None,
        };
        let steps: Box<[_]> = template.fields.iter().map(|field| (item(field), field.length)).collect();
        let tells =
            |items: &[Item]| steps.iter().any(|(item, _)| item.is_some_and(|item| items.contains(&item)));
        tells(&[
            Item::Interval,
            Item::Left,
            Item::Population,
            Item::InterfaceName,
            Item::InterfaceText,
            Item::ApplicationName,
            Item::ApplicationText,
        ])
        .then_some(Self { steps })
    }

    /// Takes in the records of a set; those that do not fit are left out. Gives how many tell a rate that none can be.
    pub(super) fn read(&self, layout: Layout, body: &[u8], max: usize, told: &mut Told) -> u32 {
        let mut nonsense = 0;
        let least = match layout {
            Layout::Fixed(len) | Layout::Variable(len) => len.max(1),
        };
        let mut rest = body;
        while rest.len() >= least {
            let Some((record, len)) = self.record(rest) else { return nonsense };
            nonsense += u32::from(record.told().is_some_and(|told| rate(told).is_none()));
            record.learn(max, told);
            rest = rest.get(len.max(1)..).unwrap_or_default();
        }
        nonsense
    }

    fn record<'a>(&self, bytes: &'a [u8]) -> Option<(Record<'a>, usize)> {
        let mut record = Record::default();
        let mut at = 0;
        for &(item, length) in &self.steps {
            let (len, begin) = match length {
                Length::Fixed(len) => (usize::from(len), at),
                Length::Variable => variable_length(bytes, at)?,
            };
            let value = bytes.get(begin..begin.checked_add(len)?)?;
            at = begin + len;
            if let Some(place) = item.and_then(|item| record.values.get_mut(item as usize))
                && place.is_none()
                && !value.is_empty()
            {
                *place = Some(value);
            }
        }
        Some((record, at))
    }
}

impl Record<'_> {
    fn learn(&self, max: usize, told: &mut Told) {
        if let Some(rate) = self.told().and_then(rate) {
            let sampling = &mut told.sampling;
            if let Some(selector) = self.number(Item::Selector) {
                keep(&mut sampling.selectors, selector, rate, max);
            } else if let Some(index) = self.index() {
                keep(&mut sampling.interfaces, index, rate, max);
            } else {
                sampling.domain = Some(rate);
            }
        }
        if let (Some(index), Some(name)) =
            (self.index(), self.text(Item::InterfaceName).or_else(|| self.text(Item::InterfaceText)))
        {
            keep(&mut told.interfaces, index, name, max);
        }
        if let (Some(id), Some(name)) = (
            self.number(Item::Application),
            self.text(Item::ApplicationName).or_else(|| self.text(Item::ApplicationText)),
        ) {
            keep(&mut told.applications, id, name, max);
        }
    }

    /// One in how many, as it is told; a record that tells only how many are taken in a row does not tell it, and a rate
    /// of 0 tells that nothing is sampled.
    fn told(&self) -> Option<u64> {
        let interval = self.number(Item::Interval).filter(|told| *told != 0);
        interval
            .or_else(|| {
                let taken = self.number(Item::Taken)?;
                ratio(taken, taken.checked_add(self.number(Item::Left)?)?)
            })
            .or_else(|| ratio(self.number(Item::Size)?, self.number(Item::Population)?))
    }

    fn index(&self) -> Option<u32> {
        self.number(Item::Interface).and_then(|index| u32::try_from(index).ok())
    }

    fn get(&self, item: Item) -> Option<&[u8]> {
        self.values.get(item as usize).copied().flatten()
    }

    fn number(&self, item: Item) -> Option<u64> {
        let octets = self.get(item).filter(|octets| octets.len() <= 8)?;
        Some(octets.iter().fold(0, |value, &octet| value << 8 | u64::from(octet)))
    }

    /// Without the zeros that fill it up.
    fn text(&self, item: Item) -> Option<Box<str>> {
        let octets = self.get(item)?;
        let end = octets.iter().position(|&octet| octet == 0).unwrap_or(octets.len());
        let octets = octets.get(..end)?;
        let text = String::from_utf8_lossy(octets.get(..MAX_NAME).unwrap_or(octets));
        let text: String = text.trim().chars().filter(|char| !char.is_control()).collect();
        (!text.is_empty()).then(|| text.into_boxed_str())
    }
}

/// One packet in so many, as far as anybody samples so.
pub(crate) fn rate(told: u64) -> Option<u32> {
    u32::try_from(told).ok().filter(|rate| (1..=MOST_RATE).contains(rate))
}

fn keep<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, value: V, max: usize) {
    if table.len() < max || table.contains_key(&key) {
        table.insert(key, value);
    }
}

fn item_of(id: u16) -> Option<Item> {
    Some(match id {
        48 | 302 => Item::Selector,
        10 | 14 | 252 | 253 => Item::Interface,
        34 | 50 => Item::Interval,
        305 => Item::Taken,
        306 => Item::Left,
        309 => Item::Size,
        310 => Item::Population,
        82 => Item::InterfaceName,
        83 => Item::InterfaceText,
        95 => Item::Application,
        96 => Item::ApplicationName,
        94 => Item::ApplicationText,
        _ => return None,
    })
}

/// What is said of a rate that is none.
pub(crate) const NONSENSE: &str = "sampling rate is none that can be";
/// One packet in more than so many nobody takes: a rate beyond would make any count up.
const MOST_RATE: u32 = 1 << 24;
const ITEMS: usize = Item::ApplicationText as usize + 1;
/// Scope type of an interface (RFC 3954 section 6.1).
const V9_SCOPE_INTERFACE: u16 = 2;
/// Octets kept of a name.
const MAX_NAME: usize = 128;
