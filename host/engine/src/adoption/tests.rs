use super::*;

fn known(identifier: &str) -> KnownAs {
    KnownAs {
        tool: "terraform".into(),
        resource_type: "aws_route".into(),
        identifier: identifier.into(),
    }
}

const TERRAFORM: &str = r#"{
  "version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "outputs": {},
  "resources": [
    {"mode": "data", "type": "aws_ami", "name": "linux", "provider": "p", "instances": [{"attributes": {"id": "ami-1"}}]},
    {"mode": "managed", "type": "aws_vpc", "name": "main", "provider": "p",
     "instances": [{"schema_version": 1, "attributes": {"id": "vpc-1", "cidr_block": "10.0.0.0/16"}},
                   {"deposed": "00000001", "attributes": {"id": "vpc-0"}}]},
    {"module": "module.net", "mode": "managed", "type": "aws_subnet", "name": "private", "provider": "p",
     "instances": [{"index_key": "a", "attributes": {"id": "subnet-a"}}, {"index_key": "b/1", "attributes": {"id": "subnet-b"}}]},
    {"mode": "managed", "type": "aws_route", "name": "main", "provider": "p",
     "instances": [{"index_key": 0, "attributes": {"id": "r-rtb-11080289494", "route_table_id": "rtb-1", "destination_cidr_block": "0.0.0.0/0"}}]}
  ]
}"#;

#[test]
fn a_terraform_state_is_read_without_data_sources_and_superseded_objects() {
    let state = ForeignState::read(TERRAFORM).unwrap();
    assert_eq!(state.tool, "terraform");
    let told: Vec<_> = state
        .objects
        .iter()
        .map(|object| {
            (
                object.address.as_str(),
                object.name.as_str(),
                object.id.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("aws_vpc.main", "main", Some("vpc-1")),
            (
                "module.net.aws_subnet.private[\"a\"]",
                "net-private-a",
                Some("subnet-a")
            ),
            (
                "module.net.aws_subnet.private[\"b/1\"]",
                "net-private-b-1",
                Some("subnet-b")
            ),
            ("aws_route.main[0]", "main-0", Some("r-rtb-11080289494")),
        ]
    );
    let route = &state.objects[3];
    assert_eq!(
        route.identifier(&known("{id}")).as_deref(),
        Some("r-rtb-11080289494")
    );
    assert_eq!(
        route
            .identifier(&known("{route_table_id}_{destination_cidr_block}"))
            .as_deref(),
        Some("rtb-1_0.0.0.0/0")
    );
    assert_eq!(route.identifier(&known("{missing}")), None);
}

#[test]
fn a_pulumi_checkpoint_and_an_exported_deployment_are_read_alike() {
    let resources = r#"{"resources": [
      {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "type": "pulumi:pulumi:Stack", "custom": false},
      {"urn": "urn:pulumi:dev::shop::pulumi:providers:aws::default", "type": "pulumi:providers:aws", "custom": true, "id": "x"},
      {"urn": "urn:pulumi:dev::shop::aws:ec2/vpc:Vpc::main", "type": "aws:ec2/vpc:Vpc", "custom": true, "id": "vpc-1", "outputs": {}},
      {"urn": "urn:pulumi:dev::shop::aws:ec2/vpc:Vpc::main", "type": "aws:ec2/vpc:Vpc", "custom": true, "id": "vpc-0", "delete": true},
      {"urn": "urn:pulumi:dev::shop::aws:ec2/route:Route::main", "type": "aws:ec2/route:Route", "custom": true, "id": "r-1",
       "outputs": {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}}
    ]}"#;
    let checkpoint = format!(r#"{{"version": 3, "checkpoint": {{"stack": "dev", "latest": {resources}}}}}"#);
    let exported = format!(r#"{{"version": 3, "deployment": {resources}}}"#);
    let state = ForeignState::read(&checkpoint).unwrap();
    assert_eq!(state, ForeignState::read(&exported).unwrap());
    let told: Vec<_> = state
        .objects
        .iter()
        .map(|object| {
            (
                object.resource_type.as_str(),
                object.name.as_str(),
                object.id.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("aws:ec2/vpc:Vpc", "main", Some("vpc-1")),
            ("aws:ec2/route:Route", "main-2", Some("r-1")),
        ]
    );
    assert_eq!(
        state.objects[1]
            .identifier(&known("{route_table_id}_{destination_cidr_block}"))
            .as_deref(),
        Some("rtb-1_0.0.0.0/0")
    );
}

#[test]
fn what_is_no_state_is_an_error_that_says_how_to_get_one() {
    let error = |text: &str| ForeignState::read(text).unwrap_err().to_string();
    assert!(error("{").starts_with("it is not JSON"));
    assert!(error("{}").contains("terraform state pull"));
    assert!(
        error(r#"{"version": 3, "terraform_version": "0.11.1", "modules": []}"#)
            .contains("version 3, expected 4")
    );
    assert!(
        error(r#"{"version": 4, "lineage": "x", "resources": [{"mode": "managed", "type": "t"}]}"#)
            .contains("entry 0 has no text `name`")
    );
}
