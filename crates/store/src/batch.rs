//! Changes on their way into a store.

use zonekit_wire::{Name, NameBuf};

use crate::{Diff, Generation, Standing, Timers, Zone};

/// A new version of a zone: "new head, if the old one is still generation g".
#[derive(Clone, Debug)]
pub struct Publication {
    /// Whose version it is.
    pub zone: NameBuf,
    /// What it was made on top of; publishing fails when the zone has moved on since.
    pub expected: Generation,
    /// The version.
    pub content: Content,
    /// When to look after the zone next; `None` leaves that as it is. The zone is [`Standing::Current`] afterwards.
    pub timers: Option<Timers>,
}

/// What a version is made of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    /// A whole version in the place of whatever there was. The history for IXFR ends here.
    Replace(Zone),
    /// A whole version that follows the one held. If its serial is higher, and the difference of the two is the smaller part
    /// of it, that is kept, as with [`Patch`](Self::Patch): the history goes on. Otherwise it is as
    /// [`Replace`](Self::Replace).
    Next(Zone),
    /// The version held, changed. Costs what the difference does. Refused when the SOA records or the number of records show
    /// that the difference does not lead there.
    Patch {
        /// The version as it is afterwards.
        zone: Zone,
        /// What has changed.
        diff: Diff,
    },
}

impl Content {
    /// The version.
    pub fn zone(&self) -> &Zone {
        match self {
            Self::Replace(zone) | Self::Next(zone) | Self::Patch { zone, .. } => zone,
        }
    }
}

/// Changes that are made together: all of them, or none.
///
/// A zone may be named once in a batch.
///
/// ```
/// use zonekit_store::{Batch, Store, Timers};
/// use zonekit_wire::NameBuf;
///
/// let store = Store::in_memory();
/// let zone: NameBuf = "example.org".parse()?;
/// let mut batch = Batch::new();
/// batch.create_zone(zone.as_name(), Timers::default()).put("owner/example.org", "demo");
/// store.commit(batch)?; // the zone with its owner, or neither
/// assert_eq!(store.setting("owner/example.org")?.as_deref(), Some(&b"demo"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) zones: Vec<(NameBuf, ZoneChange)>,
    pub(crate) settings: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum ZoneChange {
    Create(Timers),
    Remove,
    Reset(Timers),
    Timers(Timers, Option<Standing>),
    Publish(Box<Publication>),
}

impl Batch {
    /// A batch that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a zone without contents, [`Standing::NeverLoaded`].
    pub fn create_zone(&mut self, name: Name<'_>, timers: Timers) -> &mut Self {
        self.zone(name, ZoneChange::Create(timers))
    }

    /// Takes a zone away with all that is kept of it.
    pub fn remove_zone(&mut self, name: Name<'_>) -> &mut Self {
        self.zone(name, ZoneChange::Remove)
    }

    /// Puts another zone of the same name, without contents and [`Standing::NeverLoaded`], in the place of one: nothing of the
    /// first is left in it, and no publication that was made on top of the first is taken.
    pub fn reset_zone(&mut self, name: Name<'_>, timers: Timers) -> &mut Self {
        self.zone(name, ZoneChange::Reset(timers))
    }

    /// Says when to look after a zone next, and how it stands if that changes.
    pub fn set_timers(
        &mut self,
        name: Name<'_>,
        timers: Timers,
        standing: Option<Standing>,
    ) -> &mut Self {
        self.zone(name, ZoneChange::Timers(timers, standing))
    }

    /// Publishes a version.
    pub fn publish(&mut self, publication: Publication) -> &mut Self {
        let name = publication.zone.clone();
        self.zones
            .push((name, ZoneChange::Publish(Box::new(publication))));
        self
    }

    /// Keeps a named value, in the place of the one of that name.
    pub fn put(&mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.settings.push((key.into(), Some(value.into())));
        self
    }

    /// Forgets a named value; one that is not there is no error.
    pub fn remove(&mut self, key: impl Into<String>) -> &mut Self {
        self.settings.push((key.into(), None));
        self
    }

    fn zone(&mut self, name: Name<'_>, change: ZoneChange) -> &mut Self {
        self.zones.push((name.to_buf(), change));
        self
    }
}
