"""What Security Hub does and moto does not: settings and tags of the hub, standards, and findings that are checked as AWS's
own client checks them, found by filters, and changed as their providers may change them.

What stands here follows Security Hub's API reference, and what it says of BatchImportFindings.
"""

import datetime
import json
import urllib.parse

import botocore.session
from botocore.validate import ParamValidator
from moto.securityhub import models, responses, urls
from moto.securityhub.exceptions import InvalidInputException, SecurityHubClientError

Backend = models.SecurityHubBackend
Response = responses.SecurityHubResponse
# What BatchImportFindings leaves as it is in a finding that is there.
OF_PEOPLE = ("Note", "UserDefinedFields", "VerificationState", "Workflow", "Severity", "Types", "Confidence", "Criticality")
MODEL = botocore.session.get_session().get_service_model("securityhub")


def need_hub(backend):
    if not backend.enabled:
        raise SecurityHubClientError("InvalidAccessException", f"Account {backend.account_id} is not subscribed to AWS Security Hub")


def state_of(backend):
    """What this module keeps of a backend besides what moto keeps."""
    if not hasattr(backend, "konductor"):
        backend.konductor = {"standards": {}, "configuration": {}}
    return backend.konductor


def patch_hub():
    enable, describe, disable = Backend.enable_security_hub, Backend.describe_hub, Backend.disable_security_hub

    def enable_security_hub(self):
        asked = json.loads(self.body) if self.body else {}
        backend = self.securityhub_backend
        if backend.enabled:
            raise SecurityHubClientError("ResourceConflictException", "Account is already subscribed to Security Hub")
        enable(backend, asked.get("EnableDefaultStandards", True), dict(asked.get("Tags", {})))
        state = state_of(backend)
        state["standards"] = {}
        state["configuration"] = {
            "AutoEnableControls": True,
            "ControlFindingGenerator": asked.get("ControlFindingGenerator", "SECURITY_CONTROL"),
        }
        if asked.get("EnableDefaultStandards", True):
            for standard in standards_of(backend):
                if standard["EnabledByDefault"]:
                    subscribe(backend, standard["StandardsArn"])
        return json.dumps({})

    def describe_hub(self, hub_arn=None):
        need_hub(self)
        shown = describe(self, hub_arn)
        shown.pop("Tags")  # DescribeHub shows none
        return {**shown, **state_of(self)["configuration"]}

    def disable_security_hub(self):
        need_hub(self)
        state_of(self)["standards"] = {}
        return disable(self)

    def update_security_hub_configuration(self):
        need_hub(self.securityhub_backend)
        state_of(self.securityhub_backend)["configuration"].update(json.loads(self.body))
        return json.dumps({})

    Response.enable_security_hub = enable_security_hub
    Response.update_security_hub_configuration = update_security_hub_configuration
    Backend.describe_hub = describe_hub
    Backend.disable_security_hub = disable_security_hub


def patch_tags():
    def tagged(self):
        backend = self.securityhub_backend
        need_hub(backend)
        arn = urllib.parse.unquote(self.path.split("/tags/", 1)[1])
        if arn != backend.describe_hub()["HubArn"]:
            raise SecurityHubClientError("ResourceNotFoundException", f"there is no {arn}")
        return backend.tags

    def list_tags_for_resource(self):
        return json.dumps({"Tags": tagged(self)})

    def tag_resource(self):
        tagged(self).update(json.loads(self.body)["Tags"])
        return json.dumps({})

    def untag_resource(self):
        tags = tagged(self)
        for key in self.querystring.get("tagKeys", []):
            tags.pop(key, None)
        return json.dumps({})

    Response.list_tags_for_resource = list_tags_for_resource
    Response.tag_resource = tag_resource
    Response.untag_resource = untag_resource
    urls.url_paths["{0}/tags/(?P<ResourceArn>.+)$"] = Response.dispatch


def standards_of(backend):
    def standard(name, by_default=False):
        arn = f"arn:aws:securityhub:{backend.region_name}::standards/{name}"
        return {"StandardsArn": arn, "Name": name, "EnabledByDefault": by_default}

    old = "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0"
    return [
        standard("aws-foundational-security-best-practices/v/1.0.0", by_default=True),
        {"StandardsArn": old, "Name": "CIS AWS Foundations Benchmark v1.2.0", "EnabledByDefault": True},
        standard("cis-aws-foundations-benchmark/v/3.0.0"),
        standard("nist-800-53/v/5.0.0"),
        standard("pci-dss/v/4.0.1"),
    ]


def subscribe(backend, arn):
    name = arn.split("/", 1)[1]
    subscription = {
        "StandardsSubscriptionArn": f"arn:aws:securityhub:{backend.region_name}:{backend.account_id}:subscription/{name}",
        "StandardsArn": arn,
        "StandardsInput": {},
        "StandardsStatus": "PENDING",
    }
    return state_of(backend)["standards"].setdefault(arn, subscription)


def patch_standards():
    """A subscription is pending until it is asked for once, and so is its end."""

    def describe_standards(self):
        return json.dumps({"Standards": standards_of(self.securityhub_backend)})

    def batch_enable_standards(self):
        backend = self.securityhub_backend
        need_hub(backend)
        known = {standard["StandardsArn"] for standard in standards_of(backend)}
        asked = [one["StandardsArn"] for one in json.loads(self.body)["StandardsSubscriptionRequests"]]
        for arn in asked:
            if arn not in known:
                raise InvalidInputException("BatchEnableStandards", f"Invalid StandardsArn: {arn}")
        return json.dumps({"StandardsSubscriptions": [subscribe(backend, arn) for arn in asked]})

    def batch_disable_standards(self):
        need_hub(self.securityhub_backend)
        asked = json.loads(self.body)["StandardsSubscriptionArns"]
        ending = []
        for subscription in state_of(self.securityhub_backend)["standards"].values():
            if subscription["StandardsSubscriptionArn"] in asked:
                subscription["StandardsStatus"] = "DELETING"
                ending.append(dict(subscription))
        return json.dumps({"StandardsSubscriptions": ending})

    def get_enabled_standards(self):
        need_hub(self.securityhub_backend)
        standards = state_of(self.securityhub_backend)["standards"]
        shown = [dict(subscription) for subscription in standards.values()]
        for arn, subscription in list(standards.items()):
            if subscription["StandardsStatus"] == "DELETING":
                del standards[arn]
            subscription["StandardsStatus"] = "READY"
        return json.dumps({"StandardsSubscriptions": shown})

    Response.describe_standards = describe_standards
    Response.batch_enable_standards = batch_enable_standards
    Response.batch_disable_standards = batch_disable_standards
    Response.get_enabled_standards = get_enabled_standards
    for path in ("/standards", "/standards/register", "/standards/deregister", "/standards/get"):
        urls.url_paths["{0}" + path + "$"] = Response.dispatch


def instant(written):
    """Reads a time in RFC 3339, whose fraction may have nine digits."""
    seconds, _, fraction = written.removesuffix("Z").partition(".")
    return datetime.datetime.fromisoformat(seconds), fraction.ljust(9, "0")


def refusal_of(backend, finding, present):
    """Says what is wrong with a finding that is imported; nothing where nothing is."""
    wrong = ParamValidator().validate(finding, MODEL.shape_for("AwsSecurityFinding")).generate_report()
    if wrong:
        return wrong
    own = f"arn:aws:securityhub:{backend.region_name}:{backend.account_id}:product/{backend.account_id}/default"
    if finding["ProductArn"] != own:
        return f"finding.ProductArn should be {own}"
    if finding["AwsAccountId"] != backend.account_id:
        return "finding.AwsAccountId is another account"
    if not finding["Resources"]:
        return "finding.Resources should NOT have fewer than 1 items"
    if not (finding.get("Severity") or finding.get("FindingProviderFields", {}).get("Severity")):
        return "finding.Severity is missing"
    if len(finding["Title"]) > 256 or len(finding["Description"]) > 1024 or len(finding["Id"]) > 512:
        return "finding.Title, Description or Id is too long"
    if len(finding.get("Compliance", {}).get("RelatedRequirements", [])) > 32:
        return "finding.Compliance.RelatedRequirements should NOT have more than 32 items"
    if finding.get("Remediation", {}).get("Recommendation", {}).get("Text", "") > "" and (
        len(finding["Remediation"]["Recommendation"]["Text"]) > 512
    ):
        return "finding.Remediation.Recommendation.Text is too long"
    if len(finding.get("ProductFields", {})) > 50:
        return "finding.ProductFields should NOT have more than 50 properties"
    if instant(finding["CreatedAt"]) > instant(finding["UpdatedAt"]):
        return "finding.UpdatedAt is before finding.CreatedAt"
    if present and instant(finding["UpdatedAt"]) < instant(present["UpdatedAt"]):
        return "finding.UpdatedAt is before that of the finding that is there"
    return None


def patch_findings():
    def batch_import_findings(self, findings):
        need_hub(self)
        if len(findings) > 100:
            raise InvalidInputException("BatchImportFindings", "Findings: at most 100")
        failed = []
        taken = 0
        for finding in findings:
            present = next((one for one in self.findings if one.id == finding.get("Id")), None)
            wrong = refusal_of(self, finding, present and present.data)
            if wrong:
                failed.append({"Id": finding.get("Id", ""), "ErrorCode": "InvalidInput", "ErrorMessage": wrong})
                continue
            taken += 1
            said = finding.get("FindingProviderFields") or {
                name: finding[name] for name in ("Severity", "Types") if name in finding
            }
            whole = {**finding, "FindingProviderFields": said}
            whole.setdefault("RecordState", "ACTIVE")
            whole.setdefault("Workflow", {"Status": "NEW"})
            whole["Severity"] = said.get("Severity", {})
            whole["Types"] = said.get("Types", [])
            whole["ProductFields"] = {
                **finding.get("ProductFields", {}),
                "aws/securityhub/FindingId": f"{finding['ProductArn']}/{finding['Id']}",
            }
            if present:
                whole.update({name: present.data[name] for name in OF_PEOPLE if name in present.data})
                present.data = whole
            else:
                self.findings.append(models.Finding(finding["Id"], whole))
        return len(failed), taken, failed

    def get_findings(self):
        backend = self.securityhub_backend
        need_hub(backend)
        asked = json.loads(self.body) if self.body else {}

        def fits(finding):
            for name, wanted in asked.get("Filters", {}).items():
                if any(one["Comparison"] != "EQUALS" for one in wanted):
                    raise InvalidInputException("GetFindings", "only EQUALS is simulated")
                if finding.get(name) not in [one["Value"] for one in wanted]:
                    return False
            return True

        found = [finding.data for finding in backend.findings if fits(finding.data)]
        size, start = int(asked.get("MaxResults", 100)), int(asked.get("NextToken") or 0)
        page = {"Findings": found[start : start + size]}
        if start + size < len(found):
            page["NextToken"] = str(start + size)
        return json.dumps(page)

    def batch_update_findings(self):
        need_hub(self.securityhub_backend)
        asked = json.loads(self.body)
        names = {one["Id"] for one in asked.pop("FindingIdentifiers")}
        done = [finding for finding in self.securityhub_backend.findings if finding.id in names]
        for finding in done:
            finding.data.update(asked)
        told = [{"Id": finding.id, "ProductArn": finding.data["ProductArn"]} for finding in done]
        return json.dumps({"ProcessedFindings": told, "UnprocessedFindings": []})

    Backend.batch_import_findings = batch_import_findings
    Response.get_findings = get_findings
    Response.batch_update_findings = batch_update_findings
    urls.url_paths["{0}/findings/batchupdate$"] = Response.dispatch


def patch():
    patch_hub()
    patch_tags()
    patch_standards()
    patch_findings()
