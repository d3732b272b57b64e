//! Regions, their partitions, and the names of their availability zones.

use konductor_sdk::model::{Diagnostic, Path, Value};

/// The most zones a component takes.
pub const MOST_ZONES: usize = 6;
/// The number of zones where none is asked for.
const USUAL_ZONES: usize = 3;

/// Returns the letters of a region's zones that every account can use, or none where they differ between accounts.
///
/// A plugin's `construct` is pure and cannot ask the account; a list in the configuration overrides this.
fn letters(region: &str) -> Option<&'static str> {
    match region {
        // Each account sees two of the three.
        "us-west-1" => None,
        "ap-northeast-1" => Some("acd"),
        "ca-central-1" => Some("abd"),
        "cn-north-1" => Some("ab"),
        "us-east-1" => Some("abcdef"),
        "us-west-2" | "ap-northeast-2" => Some("abcd"),
        _ => Some("abc"),
    }
}

/// Returns the names of a region's zones: as many as asked for, else three or as many as there are.
///
/// # Errors
/// When they are not known, or there are fewer than asked for; the diagnostic says what to do.
pub fn zones(region: &str, count: Option<usize>) -> Result<Vec<String>, Box<Diagnostic>> {
    let help = "list the zones of your account under `availability_zones`; `aws ec2 describe-availability-zones` \
                shows them";
    let Some(letters) = letters(region) else {
        return Err(Box::new(
            Diagnostic::error(format!(
                "the names of the zones of `{region}` differ between accounts"
            ))
            .help(help)
            .at(Path::attribute("availability_zones")),
        ));
    };
    let count = count.unwrap_or(USUAL_ZONES.min(letters.len()));
    if count > letters.len() {
        return Err(Box::new(
            Diagnostic::error(format!(
                "{count} zones of `{region}` are asked for, but only {} are known",
                letters.len()
            ))
            .help(help)
            .at(Path::attribute("zone_count")),
        ));
    }
    Ok(letters
        .chars()
        .take(count)
        .map(|letter| format!("{region}{letter}"))
        .collect())
}

/// Returns the partition of a region: `aws`, `aws-cn` or `aws-us-gov`.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// Returns the region for a component: its own input, else the one its plugin is configured with.
pub fn of(inputs: &Value, metadata: &Value) -> Option<String> {
    [
        inputs.attribute("region"),
        crate::inputs::configured(metadata, &["region"]),
    ]
    .into_iter()
    .flatten()
    .find_map(|region| region.as_text().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_the_region_and_a_letter() {
        assert_eq!(
            zones("us-west-2", None).unwrap(),
            ["us-west-2a", "us-west-2b", "us-west-2c"]
        );
        assert_eq!(
            zones("ap-northeast-1", Some(2)).unwrap(),
            ["ap-northeast-1a", "ap-northeast-1c"]
        );
        assert_eq!(zones("cn-north-1", None).unwrap().len(), 2);
        assert_eq!(zones("us-east-1", Some(MOST_ZONES)).unwrap().len(), MOST_ZONES);
    }

    #[test]
    fn zones_that_are_not_known_are_not_guessed() {
        assert!(
            zones("us-west-1", None)
                .unwrap_err()
                .summary
                .contains("differ between accounts")
        );
        let error = zones("eu-west-1", Some(4)).unwrap_err();
        assert_eq!(error.at, Some(Path::attribute("zone_count")));
        assert!(error.help.unwrap().contains("availability_zones"));
    }
}
