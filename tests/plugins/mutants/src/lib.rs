//! A provider in which each type makes one mistake, to show that each conformance check can fail. All types are the
//! same widget of a small JSON service; `mutants:widget:Clean` makes no mistake.
#![allow(
    clippy::result_large_err,
    reason = "a failure is rare and carries everything a person needs"
)]

mod client;
mod widget;

use konductor_sdk::model::manifest::EndpointProtocol;
use konductor_sdk::prelude::*;

pub use widget::Widget;

macro_rules! types {
    ($($mistake:ident),* $(,)?) => {
        /// What a type does wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is what its name says")]
        pub enum Mistake {
            $($mistake,)*
        }

        /// The types, with their mistakes.
        pub static TYPES: &[(&str, Mistake)] = &[
            $((concat!("mutants:widget:", stringify!($mistake)), Mistake::$mistake),)*
        ];

        static WIDGETS: &[&dyn ResourceProvider] = &[
            $(&Widget { name: concat!("mutants:widget:", stringify!($mistake)), mistake: Mistake::$mistake },)*
        ];
    };
}

types!(
    Clean,
    EmptyDescription,
    WrongExample,
    UpgradesNothing,
    CountsPlans,
    RefusesUnknown,
    PlansUnknown,
    InventsOutput,
    NeverSettles,
    ImportsOther,
    ReadsFirstOnly,
    ListsNothing,
    ForgetsSize,
    NeverReplaces,
    DeletesOnce,
    FailsWhenGone,
    IgnoresToken,
    TakesThrottledForDone,
    TakesBrokenForGone,
    ClaimsTooLittle,
    QuotesAnswers,
);

/// The plugin.
#[derive(Debug)]
pub struct Mutants;

impl Plugin for Mutants {
    fn definition() -> Definition {
        Definition::new("mutants", env!("CARGO_PKG_VERSION"))
            .description("Widgets whose types make one mistake each")
            .endpoint(
                client::ENDPOINT,
                EndpointProtocol::Aws,
                client::ENDPOINT,
                "to manage widgets",
            )
            .resources(WIDGETS)
    }
}

konductor_sdk::export_provider!(Mutants);
