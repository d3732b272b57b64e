"""What is in an AWS account, seen through boto3 and not through Konductor.

What AWS makes by itself is left out: the default VPC with all in it, and the main route table and default security
group of every VPC. Everything else is there, so that an empty account is one where every list is empty.
"""

import json

from botocore.exceptions import ClientError


def contents(client, region):
    ec2 = client("ec2", region)
    s3 = client("s3", region)
    vpcs = [vpc for vpc in pages(ec2, "describe_vpcs", "Vpcs") if not vpc.get("IsDefault")]
    ours = {vpc["VpcId"] for vpc in vpcs}
    for vpc in vpcs:
        for attribute in ("enableDnsSupport", "enableDnsHostnames"):
            answer = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
            key = attribute[0].upper() + attribute[1:]
            vpc[key] = answer[key]["Value"]
    gateways = pages(ec2, "describe_internet_gateways", "InternetGateways")
    default_gateways = {
        gateway["InternetGatewayId"]
        for gateway in gateways
        if any(attachment["VpcId"] not in ours for attachment in gateway.get("Attachments", []))
    }
    tables = [table for table in pages(ec2, "describe_route_tables", "RouteTables") if table["VpcId"] in ours]
    own_tables = [table for table in tables if not any(a.get("Main") for a in table.get("Associations", []))]
    groups = [
        group
        for group in pages(ec2, "describe_security_groups", "SecurityGroups")
        if group.get("VpcId") in ours and group["GroupName"] != "default"
    ]
    group_ids = {group["GroupId"] for group in groups}
    rules = [
        rule
        for rule in pages(ec2, "describe_security_group_rules", "SecurityGroupRules")
        if rule["GroupId"] in group_ids and not is_default_rule(rule)
    ]
    instances = [
        instance
        for reservation in pages(ec2, "describe_instances", "Reservations")
        for instance in reservation["Instances"]
        if instance["State"]["Name"] not in ("terminated", "shutting-down")
    ]
    volumes = pages(ec2, "describe_volumes", "Volumes")
    # Those that came with an instance go with it.
    roots = {
        mapping["Ebs"]["VolumeId"]
        for instance in instances
        for mapping in instance.get("BlockDeviceMappings", [])
        if mapping["Ebs"].get("DeleteOnTermination")
    }
    own_volumes = [volume for volume in volumes if volume["VolumeId"] not in roots]
    return {
        "vpcs": vpcs,
        "subnets": [s for s in pages(ec2, "describe_subnets", "Subnets") if s["VpcId"] in ours],
        "internet_gateways": [g for g in gateways if g["InternetGatewayId"] not in default_gateways],
        "elastic_ips": ec2.describe_addresses()["Addresses"],
        "nat_gateways": [
            gateway
            for gateway in pages(ec2, "describe_nat_gateways", "NatGateways")
            if gateway["State"] not in ("deleted", "deleting")
        ],
        "customer_gateways": standing(ec2.describe_customer_gateways()["CustomerGateways"]),
        "vpn_gateways": standing(ec2.describe_vpn_gateways()["VpnGateways"]),
        "vpn_connections": standing(ec2.describe_vpn_connections()["VpnConnections"]),
        "route_tables": own_tables,
        "routes": [
            dict(route, RouteTableId=table["RouteTableId"])
            for table in tables
            for route in table.get("Routes", [])
            if route.get("GatewayId") != "local"
        ],
        "route_table_associations": [
            association
            for table in tables
            for association in table.get("Associations", [])
            if not association.get("Main")
        ],
        "security_groups": groups,
        "security_group_rules": rules,
        "key_pairs": ec2.describe_key_pairs()["KeyPairs"],
        "instances": instances,
        "volumes": own_volumes,
        "volume_attachments": [
            attachment for volume in own_volumes for attachment in volume.get("Attachments", [])
        ],
        "buckets": [bucket(s3, entry["Name"]) for entry in s3.list_buckets().get("Buckets", [])],
        **recorded(client("config", region)),
        **security_hub(client("securityhub", region)),
    }


def recorded(config):
    """What AWS Config has."""
    recorders = config.describe_configuration_recorders()["ConfigurationRecorders"]
    status = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    rules = pages(config, "describe_config_rules", "ConfigRules")
    for rule in rules:
        rule["Tags"] = config.list_tags_for_resource(ResourceArn=rule["ConfigRuleArn"])["Tags"]
        if rule["Source"]["Owner"] == "CUSTOM_POLICY":
            rule["Policy"] = config.get_custom_rule_policy(ConfigRuleName=rule["ConfigRuleName"])["PolicyText"]
    return {
        "configuration_recorders": recorders,
        "running_recorders": [one for one in status if one["recording"]],
        "delivery_channels": config.describe_delivery_channels()["DeliveryChannels"],
        "config_rules": rules,
        "retention_configurations": config.describe_retention_configurations()["RetentionConfigurations"],
    }


def security_hub(hub):
    """What Security Hub has; nothing where it is switched off. What is archived counts as gone."""
    try:
        described = hub.describe_hub()
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidAccessException":
            raise
        return {"hubs": [], "standards": [], "findings": []}
    described.pop("ResponseMetadata", None)
    described["Tags"] = hub.list_tags_for_resource(ResourceArn=described["HubArn"])["Tags"]
    active = {"RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}]}
    return {
        "hubs": [described],
        "standards": hub.get_enabled_standards()["StandardsSubscriptions"],
        "findings": [
            finding
            for page in hub.get_paginator("get_findings").paginate(Filters=active)
            for finding in page["Findings"]
        ],
    }


def standing(things):
    """AWS shows what was deleted for a while."""
    return [thing for thing in things if thing["State"] not in ("deleted", "deleting")]


def pages(client, operation, key):
    """Returns everything an operation lists, over all its pages."""
    if client.can_paginate(operation):
        return [item for page in client.get_paginator(operation).paginate() for item in page.get(key, [])]
    return getattr(client, operation)().get(key, [])


def is_default_rule(rule):
    """AWS gives every new group one rule: everything may leave."""
    return bool(
        rule.get("IsEgress")
        and rule.get("IpProtocol") == "-1"
        and rule.get("CidrIpv4") == "0.0.0.0/0"
        and not rule.get("Description")
        and not rule.get("Tags")
    )


def bucket(s3, name):
    def get(operation, key=None):
        try:
            answer = getattr(s3, operation)(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"].startswith(("NoSuch", "ServerSideEncryptionConfigurationNotFound")):
                return None
            raise
        answer.pop("ResponseMetadata", None)
        return answer.get(key) if key else answer

    policy = get("get_bucket_policy", "Policy")
    return {
        "Name": name,
        "Versioning": get("get_bucket_versioning", "Status"),
        "Encryption": get("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
        "PublicAccessBlock": get("get_public_access_block", "PublicAccessBlockConfiguration"),
        "Lifecycle": get("get_bucket_lifecycle_configuration", "Rules"),
        "Policy": json.loads(policy) if policy else None,
        "Logging": get("get_bucket_logging", "LoggingEnabled"),
        "Tags": get("get_bucket_tagging", "TagSet"),
        "Objects": [s3_object(s3, name, item) for item in pages_of_objects(s3, name)],
    }


def pages_of_objects(s3, name):
    return [
        item
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name)
        for item in page.get("Contents", [])
    ]


def s3_object(s3, name, item):
    answer = s3.get_object(Bucket=name, Key=item["Key"])
    tags = s3.get_object_tagging(Bucket=name, Key=item["Key"])["TagSet"]
    return {
        "Key": item["Key"],
        "Body": answer["Body"].read().decode("utf-8", "replace"),
        "ContentType": answer.get("ContentType"),
        "Metadata": answer.get("Metadata"),
        "Tags": tags,
    }
