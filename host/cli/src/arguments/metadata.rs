//! Arguments of the commands about what is said of resources.

use clap::{Args, Subcommand};

/// Commands below `metadata`.
#[derive(Debug, Subcommand)]
pub enum MetadataCommand {
    /// Show what a run would say of everything, and as which tags it is written.
    Show,
    /// List resources by what was recorded of them.
    #[command(after_help = "\
Examples:
  konductor metadata query data_classification=restricted
  konductor metadata query environment=production owner!=platform --all
  konductor metadata query --without owner                     what nobody owns
  konductor metadata query data_classification=restricted --without-control iso-27001:A.8.24")]
    Query(MetadataQueryArguments),
}

/// Arguments of `metadata query`.
#[derive(Debug, Args)]
pub struct MetadataQueryArguments {
    /// FIELD=VALUE or FIELD!=VALUE; a resource has to fit all. What has no such field does not equal the value.
    #[arg(value_name = "CONDITION", value_parser = condition)]
    pub conditions: Vec<Condition>,
    /// Only resources that nothing is said of in this field; may be given several times.
    #[arg(long, value_name = "FIELD")]
    pub without: Vec<String>,
    /// Only resources that are not shown to satisfy a control, such as `iso-27001:A.8.24`: a check of it fails, or none that
    /// passes looks at them. Waivers change nothing.
    #[arg(long, value_name = "FRAMEWORK:CONTROL", conflicts_with = "all")]
    pub without_control: Option<String>,
    /// Only resources of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub resource_type: Option<String>,
    /// The resources of every stack of the project.
    #[arg(long)]
    pub all: bool,
}

/// What a field has to be, or must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// The value.
    pub value: String,
    /// It has to be this value, and must not be it otherwise.
    pub equal: bool,
}

fn condition(text: &str) -> Result<Condition, String> {
    let (field, value) = text
        .split_once('=')
        .ok_or("expected FIELD=VALUE or FIELD!=VALUE, such as `owner=platform`")?;
    let (field, equal) = match field.strip_suffix('!') {
        Some(field) => (field, false),
        None => (field, true),
    };
    konductor_model::options::metadata_field(field)?;
    Ok(Condition {
        field: field.to_owned(),
        value: value.to_owned(),
        equal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_equal_or_not() {
        let read = |text| condition(text).map(|it| (it.field, it.value, it.equal));
        assert_eq!(read("owner=a=b"), Ok(("owner".into(), "a=b".into(), true)));
        assert_eq!(read("owner!=a"), Ok(("owner".into(), "a".into(), false)));
        assert!(read("owner").is_err());
        assert!(read("Owner=a").unwrap_err().contains("`Owner`"));
    }
}
