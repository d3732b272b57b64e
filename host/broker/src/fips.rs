//! The rule that only FIPS endpoints are used: which services have them, and where.
//!
//! What is not covered: the cryptographic module of this program itself.

use url::Url;

use crate::broker::BrokerOptions;

/// The services of AWS that have FIPS hosts in every region of [`REGIONS`].
const SERVICES: [&str; 46] = [
    "acm",
    "acm-pca",
    "apigateway",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "cloudformation",
    "cloudtrail",
    "codebuild",
    "config",
    "dms",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "eks",
    "elasticache",
    "elasticfilesystem",
    "elasticloadbalancing",
    "elasticmapreduce",
    "es",
    "events",
    "firehose",
    "fsx",
    "glue",
    "guardduty",
    "inspector2",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "organizations",
    "ram",
    "rds",
    "redshift",
    "s3",
    "sagemaker",
    "secretsmanager",
    "securityhub",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
];

/// The services with one host for all regions that have a FIPS variant of it.
const GLOBAL_SERVICES: [&str; 3] = ["cloudfront", "iam", "route53"];

/// The regions of the common partition that have FIPS hosts.
const REGIONS: [&str; 6] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
];

/// Whether FIPS endpoints are required, and which overrides count as such.
#[derive(Debug, Clone, Default)]
pub(crate) struct FipsRule {
    required: bool,
    overrides: Vec<Url>,
}

impl FipsRule {
    pub(crate) fn of(options: &BrokerOptions) -> Self {
        Self {
            required: options.fips_required,
            overrides: options.fips_overrides.clone(),
        }
    }

    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// Checks an operator's override.
    pub(crate) fn check_override(&self, url: &Url) -> Result<(), String> {
        let same = |allowed: &Url| allowed.origin() == url.origin();
        if !self.required || self.overrides.iter().any(same) {
            return Ok(());
        }
        Err(format!(
            "FIPS endpoints are required and the override `{}` is not known to be one; remove it, or list it under the \
             policy's FIPS overrides",
            url.origin().ascii_serialization()
        ))
    }

    /// Checks that a service of Google Cloud has a FIPS host. None is known to be one.
    pub(crate) fn check_google(&self, service: &str) -> Result<(), String> {
        if !self.required {
            return Ok(());
        }
        Err(format!(
            "FIPS endpoints are required and service `{service}` of Google Cloud has none that is known; list the \
             address that counts as one under the policy's FIPS overrides and configure it"
        ))
    }

    /// Checks that a service of Azure has a FIPS host. None is known to be one.
    pub(crate) fn check_azure(&self, service: &str) -> Result<(), String> {
        if !self.required {
            return Ok(());
        }
        Err(format!(
            "FIPS endpoints are required and service `{service}` of Azure has none that is known; list the address that \
             counts as one under the policy's FIPS overrides and configure it"
        ))
    }

    /// Checks that a service has a FIPS host in a region.
    pub(crate) fn check_service(&self, service: &str, region: &str) -> Result<(), String> {
        if !self.required {
            return Ok(());
        }
        // In the government partition and the isolated ones every region counts.
        let special = ["us-gov-", "us-iso"]
            .iter()
            .any(|prefix| region.starts_with(prefix));
        let in_region = special || REGIONS.contains(&region);
        let is_global = GLOBAL_SERVICES.contains(&service)
            && !["cn-", "eu-iso", "eusc-"]
                .iter()
                .any(|prefix| region.starts_with(prefix));
        if is_global || (in_region && SERVICES.contains(&service)) {
            return Ok(());
        }
        Err(format!(
            "FIPS endpoints are required and service `{service}` has none known in `{region}`; use one of {}, or a \
             `us-gov-` region, with a service that has one",
            REGIONS.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(overrides: &[&str]) -> FipsRule {
        FipsRule {
            required: true,
            overrides: overrides.iter().map(|url| Url::parse(url).unwrap()).collect(),
        }
    }

    #[test]
    fn a_service_or_region_without_fips_hosts_is_refused_with_what_has_them() {
        let rule = rule(&[]);
        for (service, region) in [
            ("ec2", "us-east-1"),
            ("s3", "us-gov-west-1"),
            ("iam", "eu-west-1"),
        ] {
            assert_eq!(rule.check_service(service, region), Ok(()), "{service} {region}");
        }
        for (service, region) in [
            ("ec2", "eu-west-1"),
            ("lightsail", "us-east-1"),
            ("iam", "cn-north-1"),
        ] {
            let message = rule.check_service(service, region).unwrap_err();
            assert!(
                message.contains(service) && message.contains("us-east-1"),
                "{message}"
            );
        }
        assert_eq!(
            FipsRule::default().check_service("lightsail", "eu-west-1"),
            Ok(())
        );
    }

    #[test]
    fn a_service_of_google_is_refused_where_fips_is_required() {
        assert!(
            rule(&[])
                .check_google("compute")
                .unwrap_err()
                .contains("`compute`")
        );
        assert_eq!(FipsRule::default().check_google("compute"), Ok(()));
    }

    #[test]
    fn an_override_is_refused_unless_its_very_origin_is_listed() {
        let rule = rule(&["https://vpce-1.ec2-fips.us-east-1.vpce.amazonaws.com"]);
        let check = |url: &str| rule.check_override(&Url::parse(url).unwrap());
        assert_eq!(
            check("https://vpce-1.ec2-fips.us-east-1.vpce.amazonaws.com/"),
            Ok(())
        );
        assert!(check("https://vpce-1.ec2-fips.us-east-1.vpce.amazonaws.com:8443").is_err());
        assert!(
            check("http://127.0.0.1:4566")
                .unwrap_err()
                .contains("http://127.0.0.1:4566")
        );
    }
}
