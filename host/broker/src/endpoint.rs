//! Where a granted endpoint is: the host name by partition, and the scope its requests are signed for.

use konductor_model::manifest::EndpointProtocol;
use url::Url;

use crate::bearer::entra::AzureCloud;
use crate::fips::FipsRule;
use crate::grant::EndpointGrant;

/// Where a request goes and what it is signed for. Nothing in it comes from the guest but the choice among
/// granted regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme, host and port.
    pub(crate) origin: Url,
    /// The region of the signing scope.
    pub(crate) signing_region: String,
    /// The service of the signing scope.
    pub(crate) signing_service: String,
}

struct Partition {
    suffix: &'static str,
    dual_stack_suffix: Option<&'static str>,
    /// The region of the services that have one host for all regions.
    global_region: &'static str,
}

fn partition(region: &str) -> Partition {
    let (suffix, dual_stack_suffix, global_region) = if region.starts_with("cn-") {
        (
            "amazonaws.com.cn",
            Some("api.amazonwebservices.com.cn"),
            "cn-north-1",
        )
    } else if region.starts_with("us-gov-") {
        ("amazonaws.com", Some("api.aws"), "us-gov-west-1")
    } else if region.starts_with("us-isob-") {
        ("sc2s.sgov.gov", None, "us-isob-east-1")
    } else if region.starts_with("us-isof-") {
        ("csp.hci.ic.gov", None, "us-isof-south-1")
    } else if region.starts_with("us-iso-") {
        ("c2s.ic.gov", None, "us-iso-east-1")
    } else if region.starts_with("eu-isoe-") {
        ("cloud.adc-e.uk", None, "eu-isoe-west-1")
    } else if region.starts_with("eusc-") {
        ("amazonaws.eu", Some("api.amazonwebservices.eu"), "eusc-de-east-1")
    } else {
        ("amazonaws.com", Some("api.aws"), "us-east-1")
    };
    Partition {
        suffix,
        dual_stack_suffix,
        global_region,
    }
}

/// Works out where requests to an endpoint go.
///
/// # Errors
/// When the combination does not exist (dual stack in an isolated partition, FIPS where it is required and there
/// is none), with what to change.
pub(crate) fn resolve(endpoint: &EndpointGrant, region: &str, fips: &FipsRule) -> Result<Address, String> {
    let service = endpoint.service.as_str();
    let told = |reason| format!("endpoint `{}`: {reason}", endpoint.id);
    if endpoint.protocol == EndpointProtocol::Http {
        let Some(url) = &endpoint.override_url else {
            return Err(told(
                "the configuration does not say where it is; set `endpoint_url`, or `endpoints` with its identifier, in \
                 the module's section"
                    .to_owned(),
            ));
        };
        fips.check_override(url).map_err(told)?;
        return Ok(Address {
            origin: url.clone(),
            signing_region: String::new(),
            signing_service: service.to_owned(),
        });
    }
    if endpoint.protocol == EndpointProtocol::Google {
        let url = match &endpoint.override_url {
            Some(url) => {
                fips.check_override(url).map_err(told)?;
                Ok(url.clone())
            }
            None => {
                fips.check_google(service).map_err(told)?;
                Url::parse(&format!("https://{service}.googleapis.com/"))
            }
        };
        return Ok(Address {
            origin: url.map_err(|error| told(format!("it has no usable host name: {error}")))?,
            signing_region: String::new(),
            signing_service: service.to_owned(),
        });
    }
    if endpoint.protocol == EndpointProtocol::Azure {
        let url = match &endpoint.override_url {
            Some(url) => {
                fips.check_override(url).map_err(told)?;
                Ok(url.clone())
            }
            None if service == "arm" => {
                fips.check_azure(service).map_err(told)?;
                Url::parse(AzureCloud::Public.manager())
            }
            None => {
                return Err(told(format!(
                    "no host is known for the service `{service}` of Azure"
                )));
            }
        };
        return Ok(Address {
            origin: url.map_err(|error| told(format!("it has no usable host name: {error}")))?,
            signing_region: String::new(),
            signing_service: service.to_owned(),
        });
    }
    let partition = partition(region);
    let global = is_global(service, region);
    let signing_region = if global { partition.global_region } else { region };
    let address = |origin| Address {
        origin,
        signing_region: signing_region.to_owned(),
        signing_service: service.to_owned(),
    };
    if let Some(url) = &endpoint.override_url {
        fips.check_override(url).map_err(told)?;
        return Ok(address(url.clone()));
    }
    fips.check_service(service, region).map_err(told)?;
    let is_fips = endpoint.fips || fips.is_required();
    let host = if global {
        global_host(service, region, &partition, is_fips)
    } else {
        regional_host(endpoint, region, &partition, is_fips)?
    };
    Url::parse(&format!("https://{host}/"))
        .map(address)
        .map_err(|error| {
            format!(
                "endpoint `{}` in `{region}` has no usable host name: {error}",
                endpoint.id
            )
        })
}

fn regional_host(
    endpoint: &EndpointGrant,
    region: &str,
    partition: &Partition,
    is_fips: bool,
) -> Result<String, String> {
    // Where the host's name differs from the signing name.
    let prefix = match (endpoint.service.as_str(), is_fips) {
        ("ecr", false) => "api.ecr",
        ("eks", true) if !endpoint.dual_stack => {
            return Ok(format!("fips.eks.{region}.{}", partition.suffix));
        }
        (other, _) => other,
    };
    // In the government partition these services' plain hosts are the FIPS ones.
    let plain_is_fips =
        region.starts_with("us-gov-") && !endpoint.dual_stack && matches!(prefix, "ec2" | "sts");
    let fips = if is_fips && !plain_is_fips { "-fips" } else { "" };
    if !endpoint.dual_stack {
        return Ok(format!("{prefix}{fips}.{region}.{}", partition.suffix));
    }
    // S3 came before the common dual-stack names and keeps its own.
    if prefix == "s3" {
        return Ok(format!("s3{fips}.dualstack.{region}.{}", partition.suffix));
    }
    match partition.dual_stack_suffix {
        Some(suffix) => Ok(format!("{prefix}{fips}.{region}.{suffix}")),
        None => Err(format!(
            "endpoint `{}`: the partition of `{region}` has no dual-stack hosts; set `dual_stack: false`",
            endpoint.id
        )),
    }
}

/// Says whether a service has one host for all regions of a partition. Isolated partitions are regional here.
fn is_global(service: &str, region: &str) -> bool {
    let isolated = ["us-iso", "eu-iso", "eusc-"]
        .iter()
        .any(|prefix| region.starts_with(prefix));
    matches!(service, "iam" | "route53" | "cloudfront") && !isolated
}

fn global_host(service: &str, region: &str, partition: &Partition, fips: bool) -> String {
    if region.starts_with("us-gov-") {
        return format!("{service}.us-gov.{}", partition.suffix);
    }
    if region.starts_with("cn-") && service == "iam" {
        return format!("iam.{}.{}", partition.global_region, partition.suffix);
    }
    let variant = if fips && !region.starts_with("cn-") {
        "-fips"
    } else {
        ""
    };
    format!("{service}{variant}.{}", partition.suffix)
}

/// Returns host and, where it is not the scheme's own, port.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(service: &str, region: &str, fips: bool, dual_stack: bool) -> String {
        let endpoint = EndpointGrant {
            fips,
            dual_stack,
            ..EndpointGrant::aws(service, region)
        };
        resolve(&endpoint, region, &FipsRule::default())
            .unwrap()
            .origin
            .host_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn hosts_follow_the_partition_and_the_variant() {
        for (service, region, fips, dual_stack, expected) in [
            ("ec2", "us-west-2", false, false, "ec2.us-west-2.amazonaws.com"),
            (
                "ec2",
                "us-west-2",
                true,
                false,
                "ec2-fips.us-west-2.amazonaws.com",
            ),
            ("ec2", "us-west-2", false, true, "ec2.us-west-2.api.aws"),
            ("ec2", "us-west-2", true, true, "ec2-fips.us-west-2.api.aws"),
            ("s3", "eu-west-1", false, false, "s3.eu-west-1.amazonaws.com"),
            (
                "s3",
                "eu-west-1",
                false,
                true,
                "s3.dualstack.eu-west-1.amazonaws.com",
            ),
            (
                "s3",
                "us-east-1",
                true,
                true,
                "s3-fips.dualstack.us-east-1.amazonaws.com",
            ),
            (
                "ec2",
                "cn-north-1",
                false,
                false,
                "ec2.cn-north-1.amazonaws.com.cn",
            ),
            (
                "ec2",
                "cn-north-1",
                false,
                true,
                "ec2.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                "ec2",
                "us-gov-west-1",
                true,
                false,
                "ec2.us-gov-west-1.amazonaws.com",
            ),
            (
                "s3",
                "us-gov-west-1",
                true,
                false,
                "s3-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                "ec2",
                "us-iso-east-1",
                false,
                false,
                "ec2.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "ec2",
                "us-isob-east-1",
                false,
                false,
                "ec2.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "ecr",
                "us-east-1",
                false,
                false,
                "api.ecr.us-east-1.amazonaws.com",
            ),
            (
                "ecr",
                "us-east-1",
                true,
                false,
                "ecr-fips.us-east-1.amazonaws.com",
            ),
            (
                "eks",
                "us-east-1",
                true,
                false,
                "fips.eks.us-east-1.amazonaws.com",
            ),
            ("iam", "eu-west-1", false, false, "iam.amazonaws.com"),
            ("iam", "us-gov-east-1", false, false, "iam.us-gov.amazonaws.com"),
            (
                "iam",
                "cn-northwest-1",
                false,
                false,
                "iam.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            assert_eq!(
                host(service, region, fips, dual_stack),
                expected,
                "{service} {region} {fips} {dual_stack}"
            );
        }
    }

    #[test]
    fn a_service_of_google_has_one_host() {
        let endpoint = EndpointGrant {
            protocol: EndpointProtocol::Google,
            ..EndpointGrant::aws("compute", "")
        };
        let address = resolve(&endpoint, "", &FipsRule::default()).unwrap();
        assert_eq!(address.origin.as_str(), "https://compute.googleapis.com/");
    }

    #[test]
    fn a_service_with_one_host_is_signed_for_the_region_of_that_host() {
        let address = resolve(
            &EndpointGrant::aws("iam", "eu-west-1"),
            "eu-west-1",
            &FipsRule::default(),
        )
        .unwrap();
        assert_eq!(address.signing_region, "us-east-1");
    }

    #[test]
    fn dual_stack_where_there_is_none_is_an_error_that_says_what_to_set() {
        let endpoint = EndpointGrant {
            dual_stack: true,
            ..EndpointGrant::aws("ec2", "us-iso-east-1")
        };
        assert!(
            resolve(&endpoint, "us-iso-east-1", &FipsRule::default())
                .unwrap_err()
                .contains("dual_stack: false")
        );
    }
}
