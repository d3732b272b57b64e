//! `aws:securityhub:Finding`.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use konductor_sdk::aws::region;
use konductor_sdk::cloud::Api;
use konductor_sdk::typed::prelude::*;
use serde_json::{Value as Json, json};

use super::client::{Description, security_hub};
use crate::client::incomplete;
use crate::ec2::tags::TOKEN;
use crate::json_api::{elements, given, text, texts};

/// What a finding is about.
#[derive(Clone, PartialEq, Attributes)]
pub struct FindingResource {
    /// What calls it: an Amazon resource name, where it has one.
    #[attribute(range(1..=512))]
    id: String,
    /// Its type as Security Hub calls it, such as `AwsS3Bucket`.
    #[attribute(default = "Other", range(1..=256))]
    r#type: String,
}

/// A finding of somebody else's, such as of an assessment, told to Security Hub. Deleting it archives the finding, which
/// Security Hub forgets 90 days later; so it does with one that is not changed for as long, and the next run tells it again.
#[derive(Clone, Resource)]
#[resource(
    type = "aws:securityhub:Finding",
    identity = "audit-2026-0017: What the finding is called.",
    unique("finding_id"),
    create(
        "securityhub:BatchImportFindings",
        "securityhub:GetFindings",
        "securityhub:DescribeHub"
    ),
    update("securityhub:BatchImportFindings", "securityhub:DescribeHub"),
    delete(
        "securityhub:BatchImportFindings",
        "securityhub:GetFindings",
        "securityhub:DescribeHub"
    ),
    read("securityhub:GetFindings", "securityhub:DescribeHub"),
    example = r"# A finding of an audit
hub:
  type: aws:securityhub:Hub
old-key:
  type: aws:securityhub:Finding
  properties:
    finding_id: audit-2026-0017
    title: A key was not rotated
    description: The key of the billing export is four years old.
    severity: MEDIUM
    compliance_status: FAILED
    related_requirements: ['NIST.800-53.r5 SC-12']
    remediation: Rotate the key.
    resources:
      - { id: 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab', type: AwsKmsKey }
  options: { depends_on: [hub] }
"
)]
pub struct Finding {
    /// What the finding is called. Nobody else's finding in the account may be called so.
    #[attribute(identity, replaces, range(1..=512))]
    finding_id: String,
    /// What was found, in a few words.
    #[attribute(range(1..=256))]
    title: String,
    /// What was found.
    #[attribute(range(1..=1024))]
    description: String,
    /// How much it matters.
    #[attribute(one_of("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"))]
    severity: String,
    /// What kinds of finding it is, each as `namespace/category/classifier`.
    #[attribute(default = BTreeSet::from(["Software and Configuration Checks".to_owned()]), range(1..=50))]
    types: BTreeSet<String>,
    /// What found it: a rule, or a tool.
    #[attribute(default = "konductor", range(1..=512))]
    generator_id: String,
    /// What it is about.
    #[attribute(required, range(1..=32))]
    resources: Vec<FindingResource>,
    /// What came of a check, where the finding is of one.
    #[attribute(one_of("PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"))]
    compliance_status: Option<String>,
    /// The controls of frameworks that the check serves.
    #[attribute(range(..=32))]
    related_requirements: Vec<String>,
    /// What to do.
    #[attribute(range(1..=512))]
    remediation: Option<String>,
    /// Where more is said of what to do.
    #[attribute(pattern = "https?://.+")]
    remediation_url: Option<String>,
    /// Where more is said of the finding.
    #[attribute(pattern = "https?://.+")]
    source_url: Option<String>,
    /// What else the finder knows of it.
    product_fields: BTreeMap<String, String>,
    /// The product that Security Hub takes it to be of: the account's own.
    #[attribute(
        output,
        simulated = "arn:aws:securityhub:{region}:{digits12}:product/{digits12}/default"
    )]
    product_arn: Option<String>,
    /// When it was first told.
    #[attribute(output, simulated = "2026-01-01T00:00:00Z")]
    created_at: Option<String>,
    /// When it was last told.
    #[attribute(output, volatile, simulated = "2026-01-01T00:00:00Z")]
    updated_at: Option<String>,
}

/// Whose findings are told, and where.
struct Product {
    arn: String,
    account: String,
}

impl Product {
    /// Finds the account's own product, whose name follows from the hub's.
    fn of(api: &Api<'_>) -> Result<Self, Failure> {
        Self::named_after(&Description::needed(api)?.arn)
    }

    fn named_after(hub: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = hub.split(':').collect();
        let [arn, partition, service, region, account, _] = parts.as_slice() else {
            return Err(incomplete("the hub's whole name"));
        };
        Ok(Self {
            arn: format!("{arn}:{partition}:{service}:{region}:{account}:product/{account}/default"),
            account: (*account).to_owned(),
        })
    }
}

fn now(context: &Context) -> Result<String, Failure> {
    let milliseconds = i64::try_from(context.now()).unwrap_or_default();
    DateTime::from_millis(milliseconds)
        .fmt(Format::DateTime)
        .map_err(|error| Failure::new(Disposition::Other, error.to_string()))
}

/// A finding that is told to Security Hub.
struct Told<'f> {
    finding: &'f Finding,
    product: &'f Product,
    region: String,
    token: &'f str,
    created_at: String,
    updated_at: String,
    state: &'static str,
}

impl Told<'_> {
    fn document(&self) -> Json {
        let finding = self.finding;
        let resource = |resource: &FindingResource| json!({ "Type": resource.r#type, "Id": resource.id, "Region": self.region });
        let resources: Vec<Json> = finding.resources.iter().map(resource).collect();
        let requirements = match finding.related_requirements.is_empty() {
            true => Json::Null,
            false => json!(finding.related_requirements),
        };
        let compliance = match (&finding.compliance_status, &requirements) {
            (None, Json::Null) => Json::Null,
            (status, _) => given([("Status", json!(status)), ("RelatedRequirements", requirements)]),
        };
        let recommendation = match (&finding.remediation, &finding.remediation_url) {
            (None, None) => Json::Null,
            (text, url) => {
                json!({ "Recommendation": given([("Text", json!(text)), ("Url", json!(url))]) })
            }
        };
        let mut fields = finding.product_fields.clone();
        if !self.token.is_empty() {
            fields.insert(TOKEN.to_owned(), self.token.to_owned());
        }
        given([
            ("SchemaVersion", "2018-10-08".into()),
            ("Id", json!(finding.finding_id)),
            ("ProductArn", json!(self.product.arn)),
            ("GeneratorId", json!(finding.generator_id)),
            ("AwsAccountId", json!(self.product.account)),
            ("CreatedAt", json!(self.created_at)),
            ("UpdatedAt", json!(self.updated_at)),
            ("Title", json!(finding.title)),
            ("Description", json!(finding.description)),
            // What people make of severity and types stands beside this, and is left as it is.
            (
                "FindingProviderFields",
                json!({ "Severity": { "Label": finding.severity }, "Types": finding.types }),
            ),
            ("Resources", resources.into()),
            ("Compliance", compliance),
            ("Remediation", recommendation),
            ("SourceUrl", json!(finding.source_url)),
            ("ProductFields", json!(fields)),
            ("RecordState", self.state.into()),
        ])
    }

    fn tell(&self, api: &Api<'_>) -> Result<(), Failure> {
        let asked = json!({ "Findings": [self.document()] });
        let import = api.post(["findings", "import"]).json(&asked).idempotent(true);
        let answer: Json = import.send()?.json()?;
        let Some(refused) = elements(&answer, "FailedFindings").first() else {
            return Ok(());
        };
        let message = text(refused, "ErrorMessage").unwrap_or_default();
        let code = text(refused, "ErrorCode").unwrap_or_default();
        let message = format!("Security Hub does not take the finding: {message}");
        Err(Failure::new(Disposition::Invalid, message).code(&code))
    }

    /// Returns the object that the finding is afterwards.
    fn object(self) -> Object<Finding> {
        let attributes = Finding {
            product_arn: Some(self.product.arn.clone()),
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
            ..self.finding.clone()
        };
        Object::new(self.finding.finding_id.clone(), attributes).private(self.token)
    }
}

/// Reads a finding from what Security Hub says of it; none where it is archived.
fn read(found: &Json) -> Option<Object<Finding>> {
    if found["RecordState"] == "ARCHIVED" {
        return None;
    }
    // What the finder said counts, not what people made of it.
    let said = &found["FindingProviderFields"];
    let severity = text(&said["Severity"], "Label").or_else(|| text(&found["Severity"], "Label"));
    let types: BTreeSet<String> = match elements(said, "Types") {
        [] => texts(found, "Types"),
        _ => texts(said, "Types"),
    };
    let recommendation = found
        .pointer("/Remediation/Recommendation")
        .unwrap_or(&Json::Null);
    let fields = found["ProductFields"].clone();
    let mut product_fields: BTreeMap<String, String> = serde_json::from_value(fields).unwrap_or_default();
    let token = product_fields.remove(TOKEN).unwrap_or_default();
    product_fields.retain(|name, _| !name.starts_with("aws/"));
    let resources = elements(found, "Resources")
        .iter()
        .map(|resource| FindingResource {
            id: text(resource, "Id").unwrap_or_default(),
            r#type: text(resource, "Type").unwrap_or_default(),
        });
    let finding = Finding {
        finding_id: text(found, "Id")?,
        title: text(found, "Title").unwrap_or_default(),
        description: text(found, "Description").unwrap_or_default(),
        severity: severity.unwrap_or_default(),
        types,
        generator_id: text(found, "GeneratorId").unwrap_or_default(),
        resources: resources.collect(),
        compliance_status: text(&found["Compliance"], "Status"),
        related_requirements: texts(&found["Compliance"], "RelatedRequirements"),
        remediation: text(recommendation, "Text"),
        remediation_url: text(recommendation, "Url"),
        source_url: text(found, "SourceUrl"),
        product_fields,
        product_arn: text(found, "ProductArn"),
        created_at: text(found, "CreatedAt"),
        updated_at: text(found, "UpdatedAt"),
    };
    Some(Object::identified(finding)?.private(token))
}

/// Asks for findings of a product: the one of a name, or a page of those that are not archived.
fn ask(api: &Api<'_>, product: &Product, id: Option<&str>, cursor: Option<&str>) -> Result<Json, Failure> {
    let equals = |value: &str| json!([{ "Value": value, "Comparison": "EQUALS" }]);
    let filters = given([
        ("ProductArn", equals(&product.arn)),
        ("Id", id.map_or(Json::Null, equals)),
        ("RecordState", equals("ACTIVE")),
    ]);
    let asked = given([
        ("Filters", filters),
        ("MaxResults", 100.into()),
        ("NextToken", json!(cursor)),
    ]);
    api.post(["findings"])
        .json(&asked)
        .idempotent(true)
        .send()?
        .json()
}

fn find(api: &Api<'_>, product: &Product, id: &str) -> Result<Option<Object<Finding>>, Failure> {
    let answer = ask(api, product, Some(id), None)?;
    let mut found = elements(&answer, "Findings").iter().filter_map(read);
    Ok(found.find(|finding| finding.id == id))
}

impl Create for Finding {
    async fn create(context: &Context, request: Creation<'_, Self>) -> Result<Made<Self>, Failure> {
        let (api, token) = (security_hub(context), request.idempotency_token());
        let product = Product::of(&api)?;
        if let Some(found) = find(&api, &product, &request.inputs.finding_id)?
            && found.private != token.as_bytes()
        {
            let mut failure = request.exists_already(&found.id);
            failure.at = Some(Path::attribute("finding_id"));
            return Err(failure);
        }
        let now = now(context)?;
        let told = Told {
            finding: &request.inputs,
            product: &product,
            region: region(context),
            token,
            created_at: now.clone(),
            updated_at: now,
            state: "ACTIVE",
        };
        told.tell(&api)?;
        Ok(told.object().into())
    }
}

impl Read for Finding {
    async fn read(context: &Context, request: Reading<'_, Self>) -> Result<Option<Object<Self>>, Failure> {
        let api = security_hub(context);
        match Description::read(&api)? {
            Some(hub) => find(&api, &Product::named_after(&hub.arn)?, request.id()),
            None => Ok(None),
        }
    }
}

impl Update for Finding {
    async fn update(context: &Context, request: Change<'_, Self>) -> Result<Made<Self>, Failure> {
        let api = security_hub(context);
        let now = now(context)?;
        let told = Told {
            finding: &request.inputs,
            product: &Product::of(&api)?,
            region: region(context),
            token: &String::from_utf8_lossy(request.private()),
            created_at: request.prior()?.created_at.unwrap_or_else(|| now.clone()),
            updated_at: now,
            state: "ACTIVE",
        };
        told.tell(&api)?;
        Ok(told.object().into())
    }
}

impl Delete for Finding {
    async fn delete(context: &Context, request: Deletion<'_, Self>) -> Result<Deleted, Failure> {
        let api = security_hub(context);
        let Some(hub) = Description::read(&api)? else {
            return Ok(Deleted::Complete);
        };
        let product = Product::named_after(&hub.arn)?;
        // As it is, not as it was recorded: archiving changes nothing else, and nothing that is gone.
        let Some(found) = find(&api, &product, request.id())? else {
            return Ok(Deleted::Complete);
        };
        let now = now(context)?;
        let told = Told {
            finding: &found.attributes,
            product: &product,
            region: region(context),
            token: &String::from_utf8_lossy(&found.private),
            created_at: found.attributes.created_at.clone().unwrap_or_else(|| now.clone()),
            updated_at: now,
            state: "ARCHIVED",
        };
        told.tell(&api)?;
        Ok(Deleted::Complete)
    }
}

impl List for Finding {
    async fn list(context: &Context, request: &ListRequest) -> Result<Page<Self>, Failure> {
        let api = security_hub(context);
        let Some(hub) = Description::read(&api)? else {
            return Ok(std::iter::empty().collect());
        };
        let product = Product::named_after(&hub.arn)?;
        let answer = ask(&api, &product, None, request.cursor.as_deref())?;
        Ok(Page {
            objects: elements(&answer, "Findings").iter().filter_map(read).collect(),
            next_cursor: text(&answer, "NextToken"),
        })
    }
}
