//! What the checks of a framework came to, as a document for somebody else.

mod asff;
mod csv;
mod html;
mod junit;
mod markdown;
mod markup;
mod monitoring;
mod oscal;
mod oscal_component;
mod sarif;

use konductor_model::compliance::{CheckOutcome, CheckResult};

use crate::assessment::{Assessment, ControlAssessment, Finding, FrameworkAssessment};

pub use asff::SecurityHubAccount;
pub use monitoring::{DriftCheck, Monitoring};
pub use oscal::OSCAL_VERSION;

/// The form of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportFormat {
    /// Assessment results of NIST's OSCAL, as JSON.
    Oscal,
    /// A component definition of OSCAL, as JSON.
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
    /// Findings for Security Hub of AWS, of an account.
    Asff(SecurityHubAccount),
}

/// A report about one framework.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// When it is made, in RFC 3339.
    pub time: String,
    /// Konductor's version.
    pub version: String,
    /// The newest entry of the log that it is about: number and SHA-256.
    pub evidence: (u64, String),
    /// The cloud is simulated.
    pub simulated: bool,
    /// How the resources are watched over.
    pub monitoring: Monitoring,
    /// The framework.
    pub framework: &'a FrameworkAssessment,
    /// All results.
    pub assessment: &'a Assessment,
}

impl Report<'_> {
    /// Writes the report.
    pub fn render(&self, format: ReportFormat) -> String {
        match format {
            ReportFormat::Oscal => oscal::render(self),
            ReportFormat::OscalComponentDefinition => oscal_component::render(self),
            ReportFormat::Html => html::render(self),
            ReportFormat::Markdown => markdown::render(self),
            ReportFormat::Csv => csv::render(self),
            ReportFormat::Junit => junit::render(self),
            ReportFormat::Sarif => sarif::render(self),
            ReportFormat::Asff(account) => asff::render(self, &account),
        }
    }

    fn title(&self) -> String {
        format!(
            "{} ({}): {}/{}",
            self.framework.title, self.framework.version, self.project, self.stack
        )
    }

    fn results<'r>(&'r self, control: &'r ControlAssessment) -> impl Iterator<Item = &'r CheckResult> {
        control
            .results
            .iter()
            .filter_map(|index| self.assessment.results.get(*index))
    }

    fn findings<'r>(&'r self, control: &'r ControlAssessment) -> impl Iterator<Item = &'r Finding> {
        control
            .findings
            .iter()
            .filter_map(|index| self.assessment.findings.get(*index))
    }

    /// Returns the finding of a result, in one of the controls.
    fn finding_of<'r>(&'r self, control: &'r ControlAssessment, result: &CheckResult) -> Option<&'r Finding> {
        self.findings(control)
            .find(|finding| finding.result.check == result.check && finding.result.urn == result.urn)
    }

    /// Returns the word for what came of a check, in a control.
    fn word(&self, control: &ControlAssessment, result: &CheckResult) -> &'static str {
        match result.outcome {
            CheckOutcome::Passed => "passed",
            CheckOutcome::Unknown => "open",
            CheckOutcome::Failed => match self.waiver(control, result) {
                Some(_) => "waived",
                None => "failed",
            },
        }
    }

    /// Returns what there is to say of a result, in a control: what is wrong and what to do, or who allows it.
    fn remark(&self, control: &ControlAssessment, result: &CheckResult) -> String {
        let check = self.assessment.check(result);
        match (self.word(control, result), self.waiver(control, result)) {
            (_, Some(waiver)) => format!(
                "{} Waived by {} until {}: {}",
                check.title, waiver.approver, waiver.expires, waiver.reason
            ),
            ("failed", None) => format!("{} {}", check.title, check.remedy),
            _ => String::new(),
        }
    }

    /// Returns who allows a finding, in a control.
    fn waiver<'r>(
        &'r self,
        control: &'r ControlAssessment,
        result: &CheckResult,
    ) -> Option<&'r konductor_model::compliance::Waiver> {
        let finding = self.finding_of(control, result)?;
        let mut controls = finding.controls.iter();
        controls
            .find(|of| of.key.0 == self.framework.id && of.key.1 == control.id)
            .and_then(|of| of.waiver.as_ref())
    }
}
