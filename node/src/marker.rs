//! The marker of a seed's store, at its start: it says that the store has forgotten nothing that this seed ever signed.
//!
//! A first start makes it (`--init-empty`, or `seed begin` before it); a disk that was lost has none. Among other seeds such a seed starts all the
//! same, says nothing until it has merged what they keep, and makes its marker then: the engine sees to that. A lone seed has
//! nobody to ask, so it does not start before its operator says what happened.

use crate::clock::Clock;
use crate::config::Settings;
use crate::identity::IdentityError;
use crate::run::{self, StartError};
use crate::store::{Recovery, Store};
use pollux_client::key_file::KeyFileError;
use pollux_core::engine::Record;
use pollux_core::{PeerRole, Policy};

/// The epoch of a store that begins empty.
const FIRST_EPOCH: u64 = 1;

/// Sees that a seed's store may be started with, makes the marker on a first start, and raises the epoch. Nothing is done
/// for a node.
pub(crate) fn begin(
    settings: &Settings,
    policy: &Policy,
    store: &Store,
    recovery: &mut Recovery,
) -> Result<(), StartError> {
    if settings.role == PeerRole::Node {
        return Ok(());
    }
    let place = || settings.store.clone();
    match (settings.init_empty, recovery.marker) {
        (true, Some(_)) => return Err(StartError::HasMarker { path: place() }),
        (true, None) if !is_empty(recovery) => return Err(StartError::NotEmpty { path: place() }),
        (true, None) => {
            store.record(&Record::Marker { epoch: FIRST_EPOCH })?;
            recovery.marker = Some(FIRST_EPOCH);
            store.raise_epoch()?;
        }
        (false, None) if policy.seeds.len() == 1 => return Err(StartError::NoMarker { path: place() }),
        (false, None) => {}
        (false, Some(_)) => store.raise_epoch()?,
    }
    Ok(())
}

fn is_empty(recovery: &Recovery) -> bool {
    recovery.certified.is_empty() && recovery.votes.is_empty()
}

/// Gives a seed's store a marker as it is: the operator accepts that what it has forgotten is lost. The seed must not run.
/// Returns the epoch, which is the time: above whatever other seeds have seen before.
///
/// # Errors
/// Whatever a seed cannot start with.
pub fn accept_loss(settings: &Settings, clock: Clock) -> Result<u64, StartError> {
    let (store, recovery) = open_alone(settings, clock)?;
    let epoch = recovery.marker.unwrap_or(0).saturating_add(1).max(clock.wall().as_millis());
    store.record(&Record::Marker { epoch })?;
    Ok(epoch)
}

/// Gives the empty store of a new seed its marker, for a service manager that starts the seed always alike. The seed must not
/// run. Returns the epoch.
///
/// # Errors
/// Whatever a seed cannot start with, and a store that is not empty or has a marker.
pub fn begin_empty(settings: &Settings, clock: Clock) -> Result<u64, StartError> {
    let (store, recovery) = open_alone(settings, clock)?;
    let path = settings.store.clone();
    if recovery.marker.is_some() {
        return Err(StartError::HasMarker { path });
    }
    if !is_empty(&recovery) {
        return Err(StartError::NotEmpty { path });
    }
    store.record(&Record::Marker { epoch: FIRST_EPOCH })?;
    Ok(FIRST_EPOCH)
}

/// The store of a seed that does not run. Its key may be where only its unit can read it.
fn open_alone(settings: &Settings, clock: Clock) -> Result<(Store, Recovery), StartError> {
    match run::check(settings, clock) {
        Ok(_) | Err(StartError::Identity(IdentityError::Key(KeyFileError::Credential(_)))) => {}
        Err(error) => return Err(error),
    }
    if settings.role == PeerRole::Node {
        return Err(StartError::NodeHasNoMarker);
    }
    run::check_owner(&settings.store)?;
    run::open_store(settings)
}
