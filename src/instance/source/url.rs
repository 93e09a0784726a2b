//! Addresses of databases: the password is taken out, so that it never stands among arguments.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

/// A database's address without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: Url,
    password: Option<String>,
}

/// Why a text is no address of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no URL.
    #[error("it is no URL ({0}): one looks like {1}://user@host:port/database")]
    Syntax(String, &'static str),
    /// It is for another kind of database.
    #[error("it begins with `{0}://`, and `{1}://` is wanted")]
    Scheme(String, &'static str),
    /// A password stands among the options.
    #[error("it holds a password among its options, where it cannot be hidden from others")]
    PasswordOption,
    /// Everybody on the machine could read the password.
    #[error("it holds a password, which everybody on this machine can read in an argument")]
    PasswordInArgument,
}

impl UrlError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::PasswordInArgument | Self::PasswordOption).then_some(
            "set user:password@ in an environment variable, and name that: --database-url-env",
        )
    }
}

impl DatabaseUrl {
    /// Reads an address. `schemes` are those that are accepted; where a plain path is one, too, the
    /// scheme is `sqlite`.
    ///
    /// # Errors
    /// When it is no such address. The text itself is in no error: it may hold a password.
    pub fn parse(text: &str, schemes: &[&'static str]) -> Result<Self, UrlError> {
        let first = schemes.first().copied().unwrap_or_default();
        let is_path = first == "sqlite" && !text.starts_with("sqlite:");
        let url = if is_path { format!("sqlite:{text}") } else { text.to_owned() };
        let mut url =
            Url::parse(&url).map_err(|error| UrlError::Syntax(error.to_string(), first))?;
        if !schemes.contains(&url.scheme()) {
            return Err(UrlError::Scheme(url.scheme().to_owned(), first));
        }
        if url.query_pairs().any(|(name, _)| name.contains("password")) {
            return Err(UrlError::PasswordOption);
        }
        let password = url.password().map(decoded);
        // Of an address that has no host a password cannot be, nor need be, taken.
        let _ = url.set_password(None);
        Ok(Self { url, password })
    }

    /// The same, refused with a password: it stood in an argument.
    ///
    /// # Errors
    /// As [`DatabaseUrl::parse`], and with a password.
    pub fn parse_argument(text: &str, schemes: &[&'static str]) -> Result<Self, UrlError> {
        let url = Self::parse(text, schemes)?;
        if url.password.is_some() { Err(UrlError::PasswordInArgument) } else { Ok(url) }
    }

    /// The address without its password.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.url.as_str()
    }

    /// The same server, another database.
    pub(super) fn in_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.url.set_path(name);
        other
    }

    /// The same, with a password that was given elsewhere.
    #[must_use]
    pub fn with_password(self, password: Option<String>) -> Self {
        Self { password: password.or(self.password), ..self }
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    pub(super) fn user(&self) -> Option<String> {
        Some(self.url.username()).filter(|user| !user.is_empty()).map(decoded)
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.url.host_str().filter(|host| !host.is_empty())
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.url.port()
    }

    /// An option behind the question mark.
    pub(super) fn option(&self, wanted: &str) -> Option<String> {
        self.url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    }

    /// The name of the database.
    pub(super) fn database(&self) -> Option<String> {
        let name = decoded(self.url.path().trim_start_matches('/'));
        Some(name).filter(|name| !name.is_empty())
    }

    /// The whole path, as that of a file.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(decoded(self.url.path()))
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shown())
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_and_refused_in_an_argument() {
        let schemes = ["postgresql", "postgres"];
        let url =
            DatabaseUrl::parse("postgres://me:p%40ss@db.example:5433/shop", &schemes).unwrap();
        assert_eq!(url.password(), Some("p@ss"));
        assert_eq!(url.shown(), "postgres://me@db.example:5433/shop");
        assert_eq!(format!("{url:?}"), "postgres://me@db.example:5433/shop");
        assert_eq!(url.database().as_deref(), Some("shop"));
        for (text, wanted) in [
            ("postgres://me:secret@h/d", UrlError::PasswordInArgument),
            ("postgres://me@h/d?password=secret", UrlError::PasswordOption),
            ("postgres://me@h/d?sslpassword=secret", UrlError::PasswordOption),
            ("mysql://me@h/d", UrlError::Scheme("mysql".to_owned(), "postgresql")),
        ] {
            let error = DatabaseUrl::parse_argument(text, &schemes).unwrap_err();
            assert!(!error.to_string().contains("secret"));
            assert_eq!(error, wanted);
        }
        assert!(matches!(DatabaseUrl::parse("shop", &schemes), Err(UrlError::Syntax(..))));
        let file = DatabaseUrl::parse("a dir/b.db", &["sqlite"]).unwrap();
        assert_eq!(file.path(), PathBuf::from("a dir/b.db"));
        let file = DatabaseUrl::parse("sqlite:///var/b.db", &["sqlite"]).unwrap();
        assert_eq!(file.path(), PathBuf::from("/var/b.db"));
    }
}
