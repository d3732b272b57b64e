//! Who holds a lease, and when it may be taken over.
//!
//! A lease that was not renewed in time is free. One whose process was started on this machine and has ended is free
//! at once: the lease says on which start of which kernel and among which processes its number counts, so that
//! nothing is concluded from a process number of another machine or container.

use serde::{Deserialize, Serialize};

use crate::backend::{Holder, Lease};
use crate::entry::TakenBecause;
use crate::lock::{self, LockOwner};

/// Who holds a lease, as it is stored beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseOwner {
    #[serde(flatten)]
    pub(crate) owner: LockOwner,
    /// The process, where its life can be told from the same machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// The start of the machine that it runs on.
    boot: String,
    /// The namespace that its number counts in.
    namespace: String,
    started: i64,
}

impl LeaseOwner {
    /// Describes this process for others.
    pub(crate) fn this_process(owner: LockOwner) -> Self {
        let process = here().and_then(|(boot, namespace)| {
            Some(Process {
                boot,
                namespace,
                started: lock::process_started(std::process::id())?,
            })
        });
        Self { owner, process }
    }

    /// Tells whether it is certain that the process has ended.
    fn has_ended(&self) -> bool {
        match (&self.process, here()) {
            (Some(process), Some((boot, namespace))) => {
                process.boot == boot
                    && process.namespace == namespace
                    && lock::process_started(self.owner.pid) != Some(process.started)
            }
            _ => false,
        }
    }
}

/// Names the running kernel and the namespace of this process; none where the system does not tell.
fn here() -> Option<(String, String)> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some((boot.trim().to_owned(), namespace.to_string_lossy().into_owned()))
}

/// What to do about a lease that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nobody has it.
    Free,
    /// Its holder has not given it back and will not.
    TakeOver(Option<LockOwner>, TakenBecause),
    /// It is held.
    Held(Option<LockOwner>),
}

/// Decides whether a lease may be taken.
pub(crate) fn decide(lease: &Lease) -> Decision {
    let Some(holder) = &lease.holder else {
        return Decision::Free;
    };
    let owner = owner_of(holder);
    let ended = owner.as_ref().is_some_and(LeaseOwner::has_ended);
    let owner = owner.map(|owner| owner.owner);
    match (ended, holder.expired) {
        (true, _) => Decision::TakeOver(owner, TakenBecause::Ended),
        (_, true) => Decision::TakeOver(owner, TakenBecause::Expired),
        _ => Decision::Held(owner),
    }
}

/// Reads who a holder is; none when a later version wrote it otherwise.
pub(crate) fn owner_of(holder: &Holder) -> Option<LeaseOwner> {
    serde_json::from_str(&holder.owner).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(owner: &LeaseOwner, expired: bool) -> Lease {
        Lease {
            number: 1,
            holder: Some(Holder {
                token: "t".to_owned(),
                owner: serde_json::to_string(owner).unwrap(),
                expired,
            }),
        }
    }

    fn this_process() -> LeaseOwner {
        LeaseOwner::this_process(LockOwner::this_process("ada", "run"))
    }

    #[test]
    fn a_living_holder_keeps_its_lease_and_one_that_was_not_renewed_loses_it() {
        let ada = this_process();
        assert_eq!(
            decide(&held_by(&ada, false)),
            Decision::Held(Some(ada.owner.clone()))
        );
        assert_eq!(
            decide(&held_by(&ada, true)),
            Decision::TakeOver(Some(ada.owner), TakenBecause::Expired)
        );
        assert_eq!(decide(&Lease::default()), Decision::Free);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_is_known_by_its_own_machine_alone() {
        let mut dead = this_process();
        dead.owner.pid = u32::MAX;
        assert_eq!(
            decide(&held_by(&dead, false)),
            Decision::TakeOver(Some(dead.owner.clone()), TakenBecause::Ended)
        );
        for elsewhere in [
            |process: &mut Process| process.boot.push('x'),
            |process: &mut Process| process.namespace.push('x'),
        ] {
            let mut dead = dead.clone();
            dead.process.as_mut().map(elsewhere).unwrap();
            assert_eq!(decide(&held_by(&dead, false)), Decision::Held(Some(dead.owner)));
        }
        dead.process = None;
        assert_eq!(decide(&held_by(&dead, false)), Decision::Held(Some(dead.owner)));
    }

    #[test]
    fn a_time_that_a_client_wrote_decides_nothing() {
        for year in ["1970", "2999"] {
            let mut ada = this_process();
            ada.owner.time = format!("{year}-01-01T00:00:00Z").parse().unwrap();
            assert_eq!(
                decide(&held_by(&ada, false)),
                Decision::Held(Some(ada.owner.clone()))
            );
        }
    }
}
