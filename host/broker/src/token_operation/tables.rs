//! Which operations of which clouds answer with tokens, keys or passwords.

/// Operations that a request names (`Action` of a form, `X-Amz-Target`): the name, and the services it belongs to;
/// none stands for every service.
pub(super) const NAMED: [(&str, &[&str]); 47] = [
    ("AdminInitiateAuth", &[]),
    ("AdminRespondToAuthChallenge", &[]),
    ("AssumeRole", &[]),
    ("AssumeRoleForPodIdentity", &[]),
    ("AssumeRoleWithSAML", &[]),
    ("AssumeRoleWithWebIdentity", &[]),
    ("AssumeRoot", &[]),
    ("BatchGetSecretValue", &[]),
    ("CreateAccessKey", &[]),
    ("CreateApiKey", &["apigateway", "appsync"]),
    ("CreateBucketAccessKey", &[]),
    ("CreateCertificateFromCsr", &[]),
    ("CreateKeyPair", &[]),
    ("CreateKeysAndCertificate", &[]),
    ("CreateServiceSpecificCredential", &[]),
    ("CreateSession", &["rolesanywhere", "s3", "s3express"]),
    ("CreateToken", &["sso-oidc", "oidc", "license-manager"]),
    ("CreateTokenWithIAM", &[]),
    ("CreateUserPoolClient", &[]),
    ("CreateVirtualMFADevice", &[]),
    ("CreateWorkspaceApiKey", &[]),
    ("CreateWorkspaceServiceAccountToken", &[]),
    ("DescribeUserPoolClient", &[]),
    ("DownloadDefaultKeyPair", &[]),
    ("ExportCertificate", &[]),
    ("GetAccessToken", &[]),
    ("GetAuthorizationToken", &[]),
    ("GetClusterCredentials", &[]),
    ("GetClusterCredentialsWithIAM", &[]),
    ("GetClusterSessionCredentials", &[]),
    ("GetComputeAuthToken", &[]),
    ("GetCredentials", &[]),
    ("GetCredentialsForIdentity", &[]),
    ("GetDelegatedAccessToken", &[]),
    ("GetFederationToken", &[]),
    ("GetInstanceAccessDetails", &[]),
    ("GetOpenIdToken", &[]),
    ("GetOpenIdTokenForDeveloperIdentity", &[]),
    ("GetPasswordData", &[]),
    ("GetRelationalDatabaseMasterUserPassword", &[]),
    ("GetRoleCredentials", &[]),
    ("GetSecretValue", &[]),
    ("GetSessionToken", &[]),
    ("GetTokensFromRefreshToken", &[]),
    ("GetWebIdentityToken", &[]),
    ("InitiateAuth", &[]),
    ("ResetServiceSpecificCredential", &[]),
];

/// Services whose requests always name their operation; one that does not is refused.
pub(super) const NAMING_SERVICES: [&str; 12] = [
    "cognito-identity",
    "cognito-idp",
    "ec2",
    "ecr",
    "iam",
    "lightsail",
    "redshift",
    "redshift-serverless",
    "secretsmanager",
    "ssm",
    "sts",
    "elasticmapreduce",
];

/// Operations that method and path say: the service and a pattern of segments in which `*` is any one. A pattern
/// is found at the path's end, so that a prefix of a version does not hide it.
pub(super) const AWS_PATHS: [(&str, &str, &str, &str); 21] = [
    (
        "GetAuthorizationToken",
        "codeartifact",
        "POST",
        "v1/authorization-token",
    ),
    (
        "GetRoleCredentials",
        "portal.sso",
        "GET",
        "federation/credentials",
    ),
    ("CreateToken", "oidc", "POST", "token"),
    ("CreateToken", "sso-oidc", "POST", "token"),
    ("CreateSession", "rolesanywhere", "POST", "sessions"),
    (
        "AssumeRoleForPodIdentity",
        "eks-auth",
        "POST",
        "clusters/*/assume-role-for-pod-identity",
    ),
    (
        "AssumeRoleForPodIdentity",
        "eks-auth",
        "POST",
        "clusters/*/assets",
    ),
    ("CreateKeysAndCertificate", "iot", "POST", "keys-and-certificate"),
    (
        "CreateProvisioningClaim",
        "iot",
        "POST",
        "provisioning-templates/*/provisioning-claim",
    ),
    ("CreateApiKey", "apigateway", "POST", "apikeys"),
    ("GetApiKey", "apigateway", "GET", "apikeys/*"),
    ("GetApiKeys", "apigateway", "GET", "apikeys"),
    ("CreateApiKey", "appsync", "POST", "apis/*/apikeys"),
    ("ListApiKeys", "appsync", "GET", "apis/*/apikeys"),
    ("CreateWorkspaceApiKey", "grafana", "POST", "workspaces/*/apikeys"),
    (
        "CreateWorkspaceServiceAccountToken",
        "grafana",
        "POST",
        "workspaces/*/serviceaccounts/*/tokens",
    ),
    ("GetFederationToken", "connect", "GET", "user/federate/*"),
    (
        "GetDataAccess",
        "s3-control",
        "GET",
        "accessgrantsinstance/dataaccess",
    ),
    ("GetDataAccess", "s3", "GET", "accessgrantsinstance/dataaccess"),
    (
        "GetTemporaryGlueTableCredentials",
        "lakeformation",
        "POST",
        "gettemporarygluetablecredentials",
    ),
    (
        "GetTemporaryGluePartitionCredentials",
        "lakeformation",
        "POST",
        "gettemporarygluepartitioncredentials",
    ),
];

/// What the last segment of an Azure Resource Manager action says.
pub(super) const AZURE_ACTIONS: [&str; 12] = [
    "begingetaccess",
    "createtoken",
    "generatecredentials",
    "getaccesstoken",
    "getcredentials",
    "gettoken",
    "issuetoken",
    "rotatekeys",
    "regeneratekey",
    "regeneratekeys",
    "resetserviceprincipalprofile",
    "token",
];

/// What an Azure `list…` action of secrets holds in its name.
pub(super) const AZURE_LISTS: [&str; 7] = [
    "key",
    "secret",
    "credential",
    "sas",
    "connectionstring",
    "token",
    "password",
];

/// What follows the colon of a Google method.
pub(super) const GOOGLE_VERBS: [&str; 10] = [
    "access",
    "exchangetoken",
    "generateaccesstoken",
    "generateidtoken",
    "generateclientcertificate",
    "generateephemeralcert",
    "getiamaccesstoken",
    "lookupkey",
    "signblob",
    "signjwt",
];

/// Collections of which creating or reading an element answers with a key: the segments at the path's end.
pub(super) const GOOGLE_PATHS: [(&str, &str); 6] = [
    ("POST", "serviceaccounts/*/keys"),
    ("POST", "hmackeys"),
    ("GET", "keys/*/keystring"),
    ("POST", "generateephemeral"),
    ("POST", "v1/token"),
    ("POST", "token"),
];
