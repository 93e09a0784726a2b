//! Addresses of object storages, as manifests and the command line name them.

use percent_encoding::percent_decode_str;
use url::Url;

/// Schemes that name a storage.
const SCHEMES: [&str; 6] = ["s3", "gs", "az", "azure", "https", "http"];

/// The address of a place or an object in a storage: it holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As it was written.
    pub text: String,
    /// As it is meant.
    pub url: Url,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// Why it is none; never with a secret that it may hold.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
        if !SCHEMES.contains(&url.scheme()) {
            let known = "s3://, gs://, az:// or https://";
            return Err(format!("begins with {}://, which is not one of {known}", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds credentials: they belong into the environment".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(
                "has a query or a fragment: what is secret in it would be kept in the evidence"
                    .to_owned(),
            );
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no bucket, container or host".to_owned());
        }
        Ok(Self { text: text.to_owned(), url })
    }

    /// The last part of its path, which an object is called by.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        let last = self.url.path_segments()?.next_back()?;
        let name = percent_decode_str(last).decode_utf8().ok()?;
        let plain = !name.contains(['/', '\0']) && ![".", ".."].contains(&&*name);
        (plain && !name.is_empty()).then(|| name.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_or_no_storage_is_refused_without_being_repeated() {
        for text in [
            "s3://key:hunter2@bucket/b",
            "https://hunter2@host/b",
            "https://host/b?X-Amz-Signature=hunter2",
            "s3://bucket/b#hunter2",
            "file:///etc/hunter2",
            "memory:///hunter2",
            "s3:///hunter2",
            "hunter2",
        ] {
            let why = Address::parse(text).unwrap_err();
            assert!(!why.contains("hunter2"), "{text}: {why}");
        }
        for text in ["s3://bucket/a/b.dump", "gs://b/x", "az://c/x", "https://host:8443/a/b"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_object_is_called_by_the_last_part_of_its_path() {
        for (text, name) in [
            ("s3://bucket/a/b.dump", Some("b.dump")),
            ("s3://bucket/a/b%20c.dump", Some("b c.dump")),
            ("s3://bucket/a/", None),
            ("s3://bucket", None),
            ("s3://bucket/..%2fb", None),
            ("s3://bucket/a/..", None),
        ] {
            let found = Address::parse(text).unwrap().file_name();
            assert_eq!(found.as_deref(), name, "{text}");
        }
    }
}
