//! Addresses of storages, and what has to be known to use them.

use std::ffi::OsString;
use std::fs;
use std::path::Path as LocalPath;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::{Host, Position, Url};

use super::StorageError;
use crate::manifest::Address;

/// Variables of the environment that are looked at: regions, endpoints, credentials.
pub const VARIABLES: [&str; 27] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BASE_URL",
    "GOOGLE_SKIP_SIGNATURE",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
];

/// Longest time until a connection stands, and longest time in which nothing comes.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// Longest time of one request; what breaks off is taken up again where it broke off.
const REQUEST: Duration = Duration::from_secs(24 * 3600);
/// How often, and how long, a request is tried again.
const RETRIES: usize = 5;
const RETRYING: Duration = Duration::from_secs(60);

/// A storage, and what all names in it begin with.
pub(super) fn open(
    address: &Address,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Arc<dyn ObjectStore>, Path), StorageError> {
    let Address { text, url } = address;
    let wrong = |problem: String| StorageError::Address(text.clone(), problem);
    let (scheme, path) = ObjectStoreScheme::parse(url).map_err(|error| wrong(error.to_string()))?;
    let known: Vec<(String, String)> = VARIABLES
        .iter()
        .filter_map(|name| Some((name.to_ascii_lowercase(), variable(name)?.into_string().ok()?)))
        .collect();
    let endpoint = match scheme {
        ObjectStoreScheme::AmazonS3 => "aws_endpoint_url",
        ObjectStoreScheme::GoogleCloudStorage => "google_base_url",
        ObjectStoreScheme::MicrosoftAzure => "azure_storage_endpoint",
        _ => "",
    };
    let endpoint = known.iter().find(|(name, _)| name == endpoint);
    let asked = endpoint.map_or(text, |(_, endpoint)| endpoint);
    let plain = is_loopback(asked);
    if asked.starts_with("http://") && !plain {
        let problem = "is not protected by TLS: only on this machine nothing but https:// will do";
        return Err(StorageError::Address(asked.clone(), problem.to_owned()));
    }
    let client = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        .with_timeout(REQUEST);
    let retry =
        RetryConfig { max_retries: RETRIES, retry_timeout: RETRYING, ..RetryConfig::default() };
    let failed = |error: object_store::Error| wrong(error.to_string());
    // The three builders have the same methods, and no trait in common.
    macro_rules! built {
        ($builder:ty, $key:ty) => {{
            let start = <$builder>::new().with_url(text);
            let known = known.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value)));
            let set = |builder: $builder, (key, value): ($key, _)| builder.with_config(key, value);
            let builder = known.fold(start, set).with_client_options(client).with_retry(retry);
            Arc::new(builder.build().map_err(failed)?)
        }};
    }
    let objects: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => built!(AmazonS3Builder, AmazonS3ConfigKey),
        ObjectStoreScheme::GoogleCloudStorage => built!(GoogleCloudStorageBuilder, GoogleConfigKey),
        ObjectStoreScheme::MicrosoftAzure => built!(MicrosoftAzureBuilder, AzureConfigKey),
        ObjectStoreScheme::Http => {
            let builder = HttpBuilder::new().with_url(&url[..Position::BeforePath]);
            let builder = builder.with_client_options(client).with_retry(retry);
            Arc::new(builder.build().map_err(failed)?)
        }
        _ => return Err(wrong("is not one of s3, gs, az or https".to_owned())),
    };
    Ok((objects, Path::parse(path).map_err(|error| wrong(error.to_string()))?))
}

/// A directory of this machine as storage.
pub(super) fn open_directory(folder: &LocalPath) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let shown = folder.display().to_string();
    fs::create_dir_all(folder).map_err(|error| StorageError::Local(shown.clone(), error))?;
    let objects = LocalFileSystem::new_with_prefix(folder)
        .map_err(|error| StorageError::Address(shown, error.to_string()))?;
    Ok(Arc::new(objects))
}

/// Whether an address is one of this machine: only there it may go without TLS.
fn is_loopback(address: &str) -> bool {
    let url = Url::parse(address).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
