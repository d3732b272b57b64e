use konductor_config::{AgeSealer, Configuration, Context, edit, generate_identity};
use konductor_model::{Sealer as _, Value};

use crate::{Given, at, lines, load, path, project, refused};

const PLANTED: &str = "hunter2-planted";

fn sealed_project() -> (Configuration, AgeSealer, String) {
    let identity = generate_identity();
    let sealer = AgeSealer::new([identity.recipient.as_str()], Some(&identity.identity_file)).unwrap();
    let sealed = sealer.seal(PLANTED.as_bytes()).unwrap();
    let text = format!(
        "name: shop\nsecrets: {{recipients: [{}]}}\nconfig:\n  db:\n    password: {{secure: \"{sealed}\"}}\n    url: \"postgres://u:${{db:password}}@h\"\n  aws:\n    credentials: {{access_key: AKIA1, secret_key: {PLANTED}, again: \"${{db:password}}\"}}\n    region: us\nresources:\n  r: {{type: x:y:Z, properties: {{p: \"${{db:password}}\"}}}}\n",
        identity.recipient
    );
    (project(&text), sealer, sealed)
}

#[test]
fn sealed_values_open_where_they_are_used_and_stay_secret() {
    let (configuration, sealer, _) = sealed_project();
    let context = Context {
        sealer: Some(&sealer),
        ..Context::default()
    };
    let db = configuration.module_configuration("db", context).unwrap().value;
    assert_eq!(at(&db, "password"), Value::from(PLANTED).into_secret());
    assert_eq!(
        at(&db, "url"),
        Value::from(format!("postgres://u:{PLANTED}@h")).into_secret()
    );
    let found = configuration.declared(context).unwrap().single;
    assert_eq!(at(&found[0].properties, "p"), Value::from(PLANTED).into_secret());
}

#[test]
fn credentials_are_taken_out_and_wholly_secret() {
    let (configuration, sealer, _) = sealed_project();
    let context = Context {
        sealer: Some(&sealer),
        ..Context::default()
    };
    let aws = configuration.module_configuration("aws", context).unwrap();
    assert_eq!(aws.value, Value::from([("region", "us")]));
    let credentials = aws.credentials.unwrap();
    assert_eq!(at(&credentials, "access_key"), Value::from("AKIA1").into_secret());
    assert_eq!(at(&credentials, "again"), Value::from(PLANTED).into_secret());
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let (configuration, sealer, _) = sealed_project();
    let context = Context {
        sealer: Some(&sealer),
        ..Context::default()
    };
    let explanation = configuration.explain(&path("aws")).unwrap();
    let root = configuration.explain(&konductor_model::Path::root()).unwrap();
    let shown = [
        format!("{configuration:?}"),
        format!("{:?}", configuration.settings()),
        format!("{explanation:?}{root:?}"),
        serde_json::to_string(&explanation).unwrap(),
        serde_json::to_string(&root).unwrap(),
        format!("{:?}", configuration.effective()),
        format!("{:?}", configuration.module_configuration("aws", context).unwrap()),
        format!("{:?}", configuration.module_configuration("db", context).unwrap()),
        format!("{:?}", configuration.declared(context).unwrap().single),
        format!("{sealer:?}"),
        configuration
            .validate_module("aws", &serde_json::json!({"properties": {"credentials": {"type": "integer"}}, "additionalProperties": false}))
            .to_string(),
    ];
    for text in shown {
        assert!(!text.contains(PLANTED), "{text}");
    }
}

#[test]
fn without_an_identity_everything_but_the_value_itself_works() {
    let (configuration, _, sealed) = sealed_project();
    assert!(configuration.check().is_empty());
    let password = configuration.explain(&path("db.password")).unwrap();
    let text = serde_json::to_string(&password).unwrap();
    assert!(text.contains("(secret)") && !text.contains(&sealed), "{text}");
    assert_eq!(
        at(&configuration.effective(), "db.password"),
        Value::from(sealed).into_secret()
    );
    let blind = configuration.sealer(None).unwrap();
    let context = Context {
        sealer: Some(&blind),
        ..Context::default()
    };
    assert!(configuration.value(&path("aws.region"), context).is_ok());
    let error = configuration.module_configuration("db", context).unwrap_err();
    let found = lines(&error);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("error: konductor.yaml:5:15: this secret cannot be opened"),
        "{found:#?}"
    );
    assert!(found[0].contains("KONDUCTOR_IDENTITY_FILE"), "{found:#?}");
}

#[test]
fn secrets_from_the_environment_and_the_command_line_are_masked_by_their_place() {
    let configuration = load(Given {
        project: "name: shop\nconfig:\n  aws: {region: us}\n",
        environment: &[("KONDUCTOR_AWS__CREDENTIALS__SECRET_KEY", PLANTED)],
        set: &["aws.credentials.token=hunter2-planted"],
        ..Given::default()
    })
    .unwrap();
    let explanation = configuration.explain(&konductor_model::Path::root()).unwrap();
    let text = serde_json::to_string(&explanation).unwrap();
    assert!(!text.contains(PLANTED), "{text}");
    // The higher layer replaces credentials whole.
    let aws = configuration
        .module_configuration("aws", Context::default())
        .unwrap();
    let credentials = aws.credentials.unwrap();
    assert_eq!(
        credentials.as_map().unwrap().keys().collect::<Vec<_>>(),
        ["token"]
    );
}

#[test]
fn a_recipient_that_is_none_is_refused_at_its_place_without_repeating_a_key() {
    let identity = generate_identity();
    let key = identity.identity_file.reveal().lines().last().unwrap().to_owned();
    let errors = refused(&format!("name: shop\nsecrets: {{recipients: [age1x, {key}]}}\n"));
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(
        errors[0].contains("konductor.yaml:2:24: secrets.recipients[0]: `age1x` is not an age recipient"),
        "{errors:#?}"
    );
    assert!(!errors.join("").contains(&key));
}

#[test]
fn a_secret_set_in_a_file_is_read_back() {
    let identity = generate_identity();
    let sealer = AgeSealer::new([identity.recipient.as_str()], Some(&identity.identity_file)).unwrap();
    let sealed = sealer.seal(PLANTED.as_bytes()).unwrap();
    let text = edit::set(
        "konductor.yaml",
        "name: shop # mine\n",
        &path("config.db.password"),
        &edit::sealed_value(&sealed),
    )
    .unwrap();
    assert!(
        text.starts_with("name: shop # mine\nconfig:\n  db:\n    password: {secure: "),
        "{text}"
    );
    let context = Context {
        sealer: Some(&sealer),
        ..Context::default()
    };
    let value = project(&text)
        .value(&path("db.password"), context)
        .unwrap()
        .unwrap();
    assert_eq!(value, Value::from(PLANTED).into_secret());
}
