//! Told step by step, what differs from one assessment to the next adds up to the last one: nothing is told twice and
//! nothing is lost, whoever reads the log and whenever somebody was told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions of tests"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use konductor_compliance::tightening::ResourceMetadata;
use konductor_compliance::{ControlCatalogue, ControlRules, Standing, assess};
use konductor_model::compliance::{
    Check, CheckOutcome, CheckResult, CheckSeverity, ComplianceAnswer, ComplianceSettings, Control,
    ControlLevel, Framework, PlacedText, Waiver,
};
use konductor_model::policy::PolicyLevel;
use konductor_state::Entry;
use konductor_state::compliance::{ComplianceChecked, FindingState, WaiverState};
use proptest::prelude::*;

const CHECKS: [&str; 4] = ["encrypted", "logged", "backed-up", "closed"];
const RESOURCES: [&str; 3] = ["disk", "machine", "logs"];
const SEVERITIES: [CheckSeverity; 4] = [
    CheckSeverity::Low,
    CheckSeverity::Medium,
    CheckSeverity::High,
    CheckSeverity::Critical,
];

/// What a check meets: everything that can be another thing the next time.
#[derive(Debug, Clone)]
struct World {
    /// Which checks fail of which resources.
    failing: BTreeSet<(usize, usize)>,
    /// The edition of the framework, and which checks its controls have.
    edition: u8,
    controls: BTreeSet<(usize, usize)>,
    severities: Vec<usize>,
    mandatory: BTreeSet<usize>,
    /// The waived checks of resources, and the time at which that ends.
    waived: BTreeSet<(usize, usize, u64)>,
    now: u64,
}

fn world() -> impl Strategy<Value = World> {
    let pairs = || proptest::collection::btree_set((0..4_usize, 0..3_usize), 0..8);
    (
        pairs(),
        0..3_u8,
        pairs(),
        proptest::collection::vec(0..4_usize, 4),
        proptest::collection::btree_set(0..4_usize, 0..3),
        proptest::collection::btree_set((0..4_usize, 0..3_usize, 1..30_u64), 0..3),
        0..30_u64,
    )
        .prop_map(
            |(failing, edition, controls, severities, mandatory, waived, now)| World {
                failing,
                edition,
                controls,
                severities,
                mandatory,
                waived,
                now,
            },
        )
}

fn text(text: &str) -> PlacedText {
    PlacedText {
        text: text.to_owned(),
        origin: None,
    }
}

fn day(day: u64) -> i64 {
    i64::try_from(day).unwrap() * 24 * 60 * 60 * 1000
}

fn standing(world: &World) -> Standing {
    let checks: Vec<Check> = CHECKS
        .iter()
        .zip(&world.severities)
        .map(|(id, severity)| Check {
            id: (*id).to_owned(),
            severity: SEVERITIES[*severity],
            ..Check::default()
        })
        .collect();
    let controls = (0..3_usize).filter_map(|control| {
        let served = world.controls.iter().filter(|(_, of)| *of == control);
        let served: Vec<String> = served.map(|(check, _)| CHECKS[*check].to_owned()).collect();
        (!served.is_empty()).then(|| Control {
            id: format!("c-{control}"),
            checks: served,
            ..Control::default()
        })
    });
    let framework = Framework {
        id: "acme".to_owned(),
        version: world.edition.to_string(),
        controls: controls.collect(),
        ..Framework::default()
    };
    let settings = ComplianceSettings {
        frameworks: vec![text("acme")],
        level: PolicyLevel::Advisory,
        controls: world
            .mandatory
            .iter()
            .map(|check| ControlLevel {
                control: text(CHECKS[*check]),
                level: PolicyLevel::Mandatory,
            })
            .collect(),
        waivers: world
            .waived
            .iter()
            .map(|(check, resource, until)| Waiver {
                control: text(CHECKS[*check]),
                resource: RESOURCES[*resource].to_owned(),
                expires: until.to_string(),
                ends: day(*until),
                ..Waiver::default()
            })
            .collect(),
        ..ComplianceSettings::default()
    };
    let catalogue = ControlCatalogue {
        frameworks: vec![framework],
        checks: checks.clone(),
        site: Vec::new(),
    };
    let rules = ControlRules::new(&settings, &catalogue).unwrap();
    let results = world.failing.iter().map(|(check, resource)| CheckResult {
        check: CHECKS[*check].to_owned(),
        urn: format!("urn:konductor:shop:dev:aws:ec2:Volume::{}", RESOURCES[*resource]),
        name: RESOURCES[*resource].to_owned(),
        outcome: CheckOutcome::Failed,
        ..CheckResult::default()
    });
    let answer = ComplianceAnswer {
        checks,
        results: results.collect(),
    };
    let now = Timestamp::from_millisecond(day(world.now)).unwrap();
    let assessment = assess(answer, &rules, &ResourceMetadata::new(), now.as_millisecond());
    let notice = Duration::from_secs(5 * 24 * 60 * 60);
    Standing::of(&assessment, &rules, "run", now, notice)
}

fn differences(before: &Standing, now: &Standing) -> Vec<Entry> {
    before.entries_to(now, ComplianceChecked::default())
}

/// How a stack stands by what the log says.
fn read(log: &[Entry]) -> Standing {
    let mut standing = Standing::default();
    log.iter().for_each(|entry| standing.apply(entry));
    standing
}

fn checked(entries: &[Entry]) -> &ComplianceChecked {
    match entries.last().unwrap() {
        Entry::ComplianceChecked(checked) => checked,
        other => unreachable!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn what_differs_step_by_step_adds_up_to_the_whole_and_is_told_once(
        worlds in proptest::collection::vec(world(), 1..8),
    ) {
        let mut log = Vec::new();
        for world in &worlds {
            let now = standing(world);
            let entries = differences(&read(&log), &now);
            prop_assert_eq!(&checked(&entries).digest, &now.digest());
            log.extend(entries);
            prop_assert_eq!(read(&log).digest(), now.digest());
            let again = differences(&read(&log), &now);
            prop_assert_eq!(again.len(), 1, "nothing differs any more: {:?}", again);
            prop_assert!(checked(&again).frameworks.is_empty() && checked(&again).waivers.is_empty());
        }
        // From nothing in one step it is the same.
        let last = standing(worlds.last().unwrap());
        prop_assert_eq!(read(&differences(&Standing::default(), &last)).digest(), read(&log).digest());
        prop_assert_eq!(read(&log).counts(), last.counts());
    }

    #[test]
    fn who_could_not_be_told_for_a_while_ends_with_the_same_findings(
        steps in proptest::collection::vec((world(), any::<bool>()), 1..8),
        least in 0..4_usize,
    ) {
        let least = SEVERITIES[least];
        let open = |standing: &Standing| -> BTreeSet<(String, String)> {
            let found = standing.news_since(&Standing::default(), least).found;
            found.into_iter().map(|found| (found.check, found.urn)).collect()
        };
        let mut told = Standing::default();
        let mut heard = BTreeSet::new();
        let mut now = Standing::default();
        let mut hear = |told: &Standing, now: &Standing| {
            let news = now.news_since(told, least);
            for gone in news.gone {
                prop_assert!(heard.remove(&(gone.check, gone.urn)), "it was never told of");
            }
            heard.extend(news.found.into_iter().map(|found| (found.check, found.urn)));
            prop_assert_eq!(&heard, &open(now));
            Ok(())
        };
        for (world, is_told) in &steps {
            now = standing(world);
            if *is_told {
                hear(&told, &now)?;
                told = now.clone();
            }
        }
        hear(&told, &now)?;
        prop_assert!(now.news_since(&now, least).is_empty());
    }

    #[test]
    fn since_when_something_is_found_stays_until_it_is_gone(first in world(), later in world()) {
        let before = read(&differences(&Standing::default(), &standing(&first)));
        let mut log = differences(&Standing::default(), &before);
        let changes = differences(&before, &standing(&later));
        for entry in &changes {
            if let Entry::ControlFinding(found) = entry {
                let known = first.failing.iter().any(|(check, resource)| {
                    found.check == CHECKS[*check] && found.name() == RESOURCES[*resource]
                        && first.controls.iter().any(|(serving, _)| serving == check)
                });
                let day = |day: u64| Timestamp::from_millisecond(self::day(day)).unwrap();
                prop_assert_eq!(found.since, day(if known { first.now } else { later.now }));
                prop_assert!(known || found.state != FindingState::Gone);
            }
        }
        log.extend(changes);
        prop_assert_eq!(read(&log).digest(), standing(&later).digest());
    }
}

fn quiet(now: u64, edition: u8) -> World {
    World {
        failing: [(0, 0)].into(),
        edition,
        controls: [(0, 0)].into(),
        severities: vec![3, 0, 0, 0],
        mandatory: BTreeSet::new(),
        waived: [(0, 0, 20)].into(),
        now,
    }
}

#[test]
fn a_waiver_is_told_of_when_its_end_is_near_and_when_it_has_ended_and_its_finding_counts_again() {
    let low = CheckSeverity::Low;
    let mut told = standing(&quiet(1, 1));
    assert!(
        told.news_since(&Standing::default(), low).is_empty(),
        "it is waived for long"
    );
    let near = standing(&quiet(16, 1));
    let news = near.news_since(&told, low);
    assert_eq!(news.waivers[0].state, WaiverState::Expiring);
    assert!(news.found.is_empty());
    told = near;
    assert!(standing(&quiet(17, 1)).news_since(&told, low).is_empty());
    let ended = standing(&quiet(20, 1));
    let news = ended.news_since(&told, low);
    assert_eq!(news.waivers[0].state, WaiverState::Expired);
    assert_eq!(news.found[0].check, "encrypted");
    assert!(standing(&quiet(25, 1)).news_since(&ended, low).is_empty());
}

#[test]
fn a_framework_of_another_edition_is_told_with_the_controls_that_came_and_went() {
    let before = standing(&quiet(1, 1));
    let mut world = quiet(1, 2);
    world.controls = [(0, 1), (2, 1)].into();
    let news = standing(&world).news_since(&before, CheckSeverity::Low);
    let change = &news.frameworks[0];
    assert_eq!(change.from.as_ref().unwrap().version, "1");
    assert_eq!(change.to.as_ref().unwrap().version, "2");
    assert_eq!(
        (&change.added, &change.removed),
        (&vec!["c-1".to_owned()], &vec!["c-0".to_owned()])
    );
    // The same edition with other content is another framework, too.
    world.edition = 1;
    let news = standing(&world).news_since(&before, CheckSeverity::Low);
    assert_eq!(news.frameworks[0].from.as_ref().unwrap().version, "1");
    // Who is named for the first time is no news.
    assert!(
        before
            .news_since(&Standing::default(), CheckSeverity::Low)
            .frameworks
            .is_empty()
    );
}
