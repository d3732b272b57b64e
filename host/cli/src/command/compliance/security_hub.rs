//! The account that a report for Security Hub is about.

use std::collections::{BTreeMap, BTreeSet};

use konductor_compliance::SecurityHubAccount;
use konductor_config::{Configuration, Context};
use konductor_model::{Path, Value};
use konductor_state::ResourceRecord;

use crate::arguments::ComplianceReportArguments;
use crate::error::CommandError;

/// Finds the account by what the command says, else by the Amazon resource names that are recorded; and the region by what
/// the command says, else by the section `aws`.
pub(super) fn account<'r>(
    arguments: &ComplianceReportArguments,
    configuration: &Configuration,
    records: impl Iterator<Item = &'r ResourceRecord>,
) -> Result<SecurityHubAccount, CommandError> {
    let arns: BTreeMap<String, String> = records
        .filter_map(|record| {
            let arn = record.object.as_ref()?.attributes.attribute("arn")?.as_text()?;
            arn.starts_with("arn:")
                .then(|| (record.urn.to_string(), arn.to_owned()))
        })
        .collect();
    let account = match &arguments.account {
        Some(given) => given.clone(),
        None => only_account(&arns)?,
    };
    let region = match &arguments.region {
        Some(given) => given.clone(),
        None => configured_region(configuration)?,
    };
    Ok(SecurityHubAccount {
        partition: partition(&arns, &region),
        region,
        account,
        arns,
    })
}

/// Returns a part of an Amazon resource name: `arn:partition:service:region:account:resource`.
fn part(arn: &str, place: usize) -> Option<&str> {
    arn.split(':').nth(place).filter(|part| !part.is_empty())
}

fn only_account(arns: &BTreeMap<String, String>) -> Result<String, CommandError> {
    let accounts: BTreeSet<&str> = arns.values().filter_map(|arn| part(arn, 4)).collect();
    let accounts: Vec<&str> = accounts.into_iter().collect();
    let what = match accounts.as_slice() {
        [only] => return Ok((*only).to_owned()),
        [] => "it is not recorded which account of AWS the resources are in".to_owned(),
        several => format!("the resources are in the accounts {}", several.join(", ")),
    };
    Err(CommandError::message(what).help("say which the findings are for: --account NUMBER"))
}

fn configured_region(configuration: &Configuration) -> Result<String, CommandError> {
    let place = Path::attribute("aws").child("region");
    let found = configuration.value(&place, Context::default())?;
    found
        .as_ref()
        .and_then(Value::as_text)
        .map(str::to_owned)
        .ok_or_else(|| {
            CommandError::message("the configuration names no region of AWS")
                .help("say which the findings are for: --region REGION")
        })
}

/// Returns the partition of what is recorded, else that of the region.
fn partition(arns: &BTreeMap<String, String>, region: &str) -> String {
    let recorded = arns.values().find_map(|arn| part(arn, 1));
    let of_region = match region.split('-').collect::<Vec<_>>().as_slice() {
        ["cn", ..] => "aws-cn",
        ["us", "gov", ..] => "aws-us-gov",
        _ => "aws",
    };
    recorded.unwrap_or(of_region).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(arns: &[&str]) -> BTreeMap<String, String> {
        let all = arns.iter().enumerate();
        all.map(|(index, arn)| (format!("urn:{index}"), (*arn).to_owned()))
            .collect()
    }

    #[test]
    fn the_account_is_the_one_that_is_recorded_where_it_is_one() {
        let one = recorded(&[
            "arn:aws:s3:::shop",
            "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1",
        ]);
        assert_eq!(only_account(&one).unwrap(), "123456789012");
        let two = recorded(&[
            "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1",
            "arn:aws:ec2:eu-west-1:210987654321:vpc/vpc-2",
        ]);
        let refused = only_account(&two).unwrap_err().to_string();
        assert!(refused.contains("123456789012, 210987654321"), "{refused}");
        assert!(only_account(&recorded(&["arn:aws:s3:::shop"])).is_err());
    }

    #[test]
    fn the_partition_is_that_of_what_is_recorded() {
        let china = recorded(&["arn:aws-cn:s3:::shop"]);
        assert_eq!(partition(&china, "eu-west-1"), "aws-cn");
        assert_eq!(partition(&BTreeMap::new(), "us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition(&BTreeMap::new(), "eu-west-1"), "aws");
    }
}
