"""What AWS Config does and moto does not: recording modes, rules of a policy of one's own, and rules that keep their tags."""

import json

from moto.config import models, responses

GUARD = "guard-2.x.x"


def keep_recording_modes():
    """Has a recorder keep how often it records, as AWS Config does; moto forgets it."""
    put = models.ConfigBackend.put_configuration_recorder

    def put_with_mode(self, config_recorder):
        put(self, config_recorder)
        mode = config_recorder.get("recordingMode") or {"recordingFrequency": "CONTINUOUS"}
        self.recorders[config_recorder["name"]].recording_mode = mode

    models.ConfigBackend.put_configuration_recorder = put_with_mode


def take_policies():
    """Has rules that are a policy, and GetCustomRulePolicy, which alone shows it; moto refuses their owner."""
    make = models.Source.__init__
    written = models.Source.to_dict

    def made(self, account_id, region, owner, source_identifier=None, source_details=None, custom_policy_details=None):
        if owner != "CUSTOM_POLICY":
            return make(self, account_id, region, owner, source_identifier, source_details)
        models.ConfigEmptyDictable.__init__(self, capitalize_start=True, capitalize_arn=False)
        details = custom_policy_details or {}
        if details.get("PolicyRuntime") != GUARD or not details.get("PolicyText"):
            raise models.InvalidParameterValueException(
                "PolicyRuntime and PolicyText are required when the owner is CUSTOM_POLICY"
            )
        if not source_details:
            raise models.InvalidParameterValueException(
                "SourceDetails should be provided if the owner is CUSTOM_POLICY"
            )
        self.owner = owner
        self._policy = details["PolicyText"]
        self.source_identifier = None
        self.source_details = [
            models.SourceDetail(**models.convert_to_class_args(detail)) for detail in source_details
        ]

    def to_dict(self):
        shown = written(self)
        if self.owner == "CUSTOM_POLICY":
            shown["CustomPolicyDetails"] = {"PolicyRuntime": GUARD, "PolicyText": ""}
        return shown

    def get_custom_rule_policy(self):
        name = self._get_param("ConfigRuleName")
        rule = self.config_backend.config_rules.get(name)
        if rule is None:
            raise models.NoSuchConfigRuleException(name)
        return json.dumps({"PolicyText": getattr(rule.source, "_policy", "")})

    models.Source.__init__ = made
    models.Source.to_dict = to_dict
    responses.ConfigResponse.get_custom_rule_policy = get_custom_rule_policy


def keep_tags_of_rules():
    """Has tags given with PutConfigRule mean something for a new rule alone, as AWS Config says; moto replaces all with them."""
    put = models.ConfigBackend.put_config_rule

    def put_keeping_tags(self, config_rule, tags=None):
        present = self.config_rules.get(config_rule.get("ConfigRuleName"))
        kept = None if present is None else dict(present.tags)
        answer = put(self, config_rule, tags)
        if kept is not None:
            present.tags = kept
        return answer

    models.ConfigBackend.put_config_rule = put_keeping_tags


def need_a_recorder_for_rules():
    """Has PutConfigRule refused where there is no recorder, as AWS Config does; moto takes it."""
    put = models.ConfigBackend.put_config_rule

    def put_with_recorder(self, config_rule, tags=None):
        if not self.recorders:
            raise models.NoAvailableConfigurationRecorderException()
        return put(self, config_rule, tags)

    models.ConfigBackend.put_config_rule = put_with_recorder


def patch():
    keep_recording_modes()
    take_policies()
    keep_tags_of_rules()
    need_a_recorder_for_rules()
