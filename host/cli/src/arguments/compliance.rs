//! Arguments of the commands about frameworks and their controls.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use konductor_compliance::{ReportFormat, SecurityHubAccount};

use super::{ExecutionArguments, RefreshChoice};

/// Commands below `compliance`.
#[derive(Debug, Subcommand)]
pub enum ComplianceCommand {
    /// Report on what is recorded, control by control.
    #[command(after_help = "\
Examples:
  konductor compliance report --framework nist-800-53-moderate
  konductor compliance report --framework iso-27001 --format html --output report.html
  konductor compliance report --framework fedramp-moderate --format oscal > assessment-results.json
  konductor compliance report --framework soc2 --format asff --output findings.json")]
    Report(ComplianceReportArguments),
    /// Set in the configuration what would make checks pass: plan, show, ask, write.
    #[command(after_help = "\
Examples:
  konductor compliance fix --dry-run
  konductor compliance fix --check aws-ec2-volume-encrypted --resource 'data-*' --yes

The files are edited where the attributes stand, and comments stay. What is written is what a plan proved: with it the
checks pass. What no value corrects is named, each with the reason.")]
    Fix(ComplianceFixArguments),
    /// Take a catalogue or profile of OSCAL, or a framework of your own, into the project.
    #[command(after_help = "\
Examples:
  konductor compliance import acme.yaml
  konductor compliance import profile.json --id acme-baseline --based-on nist-800-53

It is written below compliance/ and named in `config.compliance.catalogues`, so that `frameworks` may name it.")]
    Import(ComplianceImportArguments),
    /// List the frameworks.
    Frameworks,
    /// List the controls of a framework.
    Controls(ComplianceControlsArguments),
    /// List the checks.
    Checks {
        /// Only those that serve a control of this framework.
        #[arg(long, value_name = "FRAMEWORK")]
        framework: Option<String>,
    },
}

/// Arguments of `compliance fix`.
#[derive(Debug, Args)]
pub struct ComplianceFixArguments {
    /// Only what this check finds; can be given again.
    #[arg(long = "check", value_name = "NAME")]
    pub checks: Vec<String>,
    /// Only this resource; `network/*` is every name that begins so. Can be given again.
    #[arg(long = "resource", value_name = "PATTERN")]
    pub resources: Vec<String>,
    /// Show what would be written, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// What is read from the cloud before the plan is made.
    #[command(flatten)]
    pub reading: RefreshChoice,
    /// How.
    #[command(flatten)]
    pub execution: ExecutionArguments,
}

/// Arguments of `compliance import`.
#[derive(Debug, Args)]
pub struct ComplianceImportArguments {
    /// The document: JSON of OSCAL, or YAML.
    pub file: PathBuf,
    /// What configuration is to call it; without it the name of the file.
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// The framework whose checks serve the controls that have the same identifiers; found by itself for NIST SP 800-53.
    #[arg(long, value_name = "FRAMEWORK")]
    pub based_on: Option<String>,
    /// The file to write, below the project's folder; without it compliance/NAME.yaml.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `compliance report`.
#[derive(Debug, Args)]
pub struct ComplianceReportArguments {
    /// The framework; without it the one that the section `compliance` names, where it is one.
    #[arg(long, value_name = "FRAMEWORK")]
    pub framework: Option<String>,
    /// The form of the report.
    #[arg(long, value_enum, default_value_t = ReportChoice::Markdown, value_name = "FORMAT")]
    pub format: ReportChoice,
    /// The file to write it to; without it, it is printed.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The account of AWS that `asff` is for; without it the one that the recorded resources are in.
    #[arg(long, value_name = "NUMBER", value_parser = account_number)]
    pub account: Option<String>,
    /// The region that `asff` is for; without it the one of the section `aws`.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
}

fn account_number(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("the number of an account has 12 digits".to_owned())
}

/// Arguments of `compliance controls`.
#[derive(Debug, Args)]
pub struct ComplianceControlsArguments {
    /// The framework.
    pub framework: String,
    /// Only those that apply to resources of this type.
    #[arg(long = "type", value_name = "TYPE")]
    pub resource_type: Option<String>,
    /// Only those that a check serves.
    #[arg(long)]
    pub checked: bool,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportChoice {
    /// Assessment results of NIST's OSCAL, as JSON.
    Oscal,
    /// A component definition of OSCAL, as JSON: which controls the resources of each type implement.
    OscalComponentDefinition,
    /// A page that works without a network.
    Html,
    /// Text with tables.
    Markdown,
    /// A line for each result of each control, for spreadsheets.
    Csv,
    /// Test results, for build servers.
    Junit,
    /// Findings in files, for code hosts.
    Sarif,
    /// Findings as Security Hub of AWS takes them.
    Asff,
}

impl ReportChoice {
    /// Returns the form. The account is asked for where the form is for one.
    ///
    /// # Errors
    /// When the account is not known.
    pub fn format<E>(
        self,
        account: impl FnOnce() -> Result<SecurityHubAccount, E>,
    ) -> Result<ReportFormat, E> {
        Ok(match self {
            Self::Asff => ReportFormat::Asff(account()?),
            Self::Oscal => ReportFormat::Oscal,
            Self::OscalComponentDefinition => ReportFormat::OscalComponentDefinition,
            Self::Html => ReportFormat::Html,
            Self::Markdown => ReportFormat::Markdown,
            Self::Csv => ReportFormat::Csv,
            Self::Junit => ReportFormat::Junit,
            Self::Sarif => ReportFormat::Sarif,
        })
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Oscal => "oscal",
            Self::OscalComponentDefinition => "oscal-component-definition",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Asff => "asff",
        }
    }
}
