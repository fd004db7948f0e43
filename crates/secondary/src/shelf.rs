//! TEMPORARY in-memory stand-in
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use zonekit_model::ZoneName;
use zonekit_serve::Holding;
use zonekit_store::Zone;
use zonekit_wire::{Name, NameBuf};
use crate::sink::Candidate;

#[derive(Default)]
pub(crate) struct Shelf { zones: Mutex<HashMap<ZoneName, (u64, bool, Option<Zone>, Option<Timers>)>>, settings: Mutex<std::collections::BTreeMap<String, Vec<u8>>> }
#[derive(Clone)]
pub(crate) struct Held { pub(crate) generation: Generation, pub(crate) zone: Option<Zone> }
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Generation(u64);
#[derive(Clone, Copy)]
pub(crate) struct Timers { pub(crate) next_check: u64, pub(crate) expires: Option<u64> }
/// x
#[derive(Debug, thiserror::Error)]
#[error("shelf")]
pub struct ShelfError;
impl Shelf {
    pub(crate) fn open(_: &Path) -> Result<Self, ShelfError> { Ok(Self::default()) }
    pub(crate) fn identity(&self) -> Result<u64, ShelfError> { Ok(7) }
    pub(crate) fn held(&self, name: &ZoneName) -> Option<Held> { self.zones.lock().unwrap().get(name).map(|z| Held { generation: Generation(z.0), zone: z.2.clone() }) }
    pub(crate) fn names(&self) -> Result<Vec<NameBuf>, ShelfError> { Ok(vec![]) }
    pub(crate) fn create(&self, name: &ZoneName) -> Result<(), ShelfError> { self.zones.lock().unwrap().entry(name.clone()).or_insert((0, false, None, None)); Ok(()) }
    pub(crate) fn remove(&self, name: &ZoneName) -> Result<(), ShelfError> { self.zones.lock().unwrap().remove(name); Ok(()) }
    pub(crate) fn publish(&self, name: &ZoneName, _g: Option<Generation>, c: Candidate) -> Result<(), ShelfError> { let mut z = self.zones.lock().unwrap(); let z = z.get_mut(name).ok_or(ShelfError)?; z.0 += 1; z.1 = false; z.2 = Some(c.zone); Ok(()) }
    pub(crate) fn set_expired(&self, name: &ZoneName) -> Result<(), ShelfError> { if let Some(z) = self.zones.lock().unwrap().get_mut(name) { z.1 = true } Ok(()) }
    pub(crate) fn timers(&self, name: &ZoneName) -> Result<Option<Timers>, ShelfError> { Ok(self.zones.lock().unwrap().get(name).and_then(|z| z.3)) }
    pub(crate) fn set_timers(&self, name: &ZoneName, t: Timers) -> Result<(), ShelfError> { if let Some(z) = self.zones.lock().unwrap().get_mut(name) { z.1 = false; z.3 = Some(t) } Ok(()) }
    pub(crate) fn settings(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, ShelfError> { Ok(self.settings.lock().unwrap().iter().filter(|(k, _)| k.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone())).collect()) }
    pub(crate) fn put_settings(&self, s: impl IntoIterator<Item = (String, Option<Vec<u8>>)>) -> Result<(), ShelfError> { for (k, v) in s { match v { Some(v) => { self.settings.lock().unwrap().insert(k, v); } None => { self.settings.lock().unwrap().remove(&k); } } } Ok(()) }
}
impl zonekit_serve::Zones for Shelf {
    fn enclosing(&self, name: Name<'_>) -> Option<Holding> {
        let mut n = name;
        loop { if let Some(h) = self.zone(n) { return Some(h); } n = n.parent()?; }
    }
    fn zone(&self, apex: Name<'_>) -> Option<Holding> {
        let z = self.zones.lock().unwrap(); let z = z.get(&ZoneName::from(apex))?;
        Some(match &z.2 { None => Holding::NotLoaded, Some(_) if z.1 => Holding::Expired, Some(v) => Holding::Served(v.clone()) })
    }
}
