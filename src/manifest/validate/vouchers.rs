//! What vouches for the backup: files, keys, and what must be said.

use super::Reader;
use crate::manifest::{BaselineSource, Expectations, Input, Provenance, SourceRef};
use crate::wire::manifest as written;

impl Reader<'_> {
    pub(super) fn input(&mut self, pointer: &str, input: Option<written::Input>) -> Option<Input> {
        let input = input?;
        self.path(&format!("{pointer}/path"), &input.path);
        let sha256 = self.read(&format!("{pointer}/sha256"), input.sha256.as_deref());
        Some(Input { path: input.path, sha256 })
    }

    pub(super) fn baseline(&mut self, baseline: written::BaselineSource) -> Option<BaselineSource> {
        let last_good_drill = baseline.last_good_drill.unwrap_or(false);
        let file = match baseline.path {
            Some(path) => {
                self.input("/baseline", Some(written::Input { path, sha256: baseline.sha256 }))
            }
            None => None,
        };
        if file.is_none() && !last_good_drill {
            let hint = "name a file under `path`, or set `last_good_drill` to true";
            self.problem("/baseline", "names nothing to compare with", Some(hint));
            return None;
        }
        Some(BaselineSource { file, last_good_drill })
    }

    pub(super) fn provenance(
        &mut self,
        base: &str,
        provenance: Option<written::Provenance>,
    ) -> Option<Provenance> {
        let written = provenance?;
        let source_ref = self.source_ref(base, &written);
        let file = written::Input { path: written.path, sha256: written.sha256 };
        let file = self.input(base, Some(file))?;
        for (key, index) in written.keys.iter().zip(0..) {
            let pointer = format!("{base}/keys/{index}");
            self.path(&pointer, key);
            if written.keys[..index].contains(key) {
                self.problem(&pointer, &format!("`{key}` stands twice: it counts once"), None);
            }
        }
        let threshold = written.threshold.unwrap_or(1) as usize;
        if threshold > written.keys.len() && written.threshold.is_some() {
            let message = format!("{threshold} of {} key(s) can never sign", written.keys.len());
            self.problem(&format!("{base}/threshold"), &message, Some("list as many under `keys`"));
        }
        let identity = match (written.identity, written.issuer) {
            (Some(name), Some(issuer)) => Some((name, issuer)),
            (None, None) => None,
            (given, _) => {
                let (key, other) =
                    if given.is_some() { ("identity", "issuer") } else { ("issuer", "identity") };
                let message = format!("proves nothing without `{other}`: give both");
                self.problem(&format!("{base}/{key}"), &message, None);
                None
            }
        };
        if let Some(root) = &written.trusted_root {
            self.path(&format!("{base}/trusted_root"), root);
        }
        for (builder, index) in written.builder_ids.iter().zip(0..) {
            let Some(signer) = &builder.signer else { continue };
            let known = written.keys.contains(signer)
                || identity.as_ref().is_some_and(|(name, _)| name == signer);
            if !known {
                self.problem(
                    &format!("{base}/builder_ids/{index}/signer"),
                    &format!("`{signer}` is neither one of `keys` nor the `identity`"),
                    None,
                );
            }
        }
        if !written.certificate.is_empty() && identity.is_none() {
            let message = "only a certificate can say that, and none counts without an identity";
            self.problem(&format!("{base}/certificate"), message, Some("give identity and issuer"));
        }
        let expected = Expectations {
            builders: written.builder_ids,
            build_types: written.build_types,
            source_uri: written.source_uri,
            source_ref,
            source_digest: written.source_digest,
            predicate_types: written.predicate_types,
            build_inputs: written.build_inputs,
            certificate: written.certificate,
            allowed_parameters: written.allow_parameters,
            max_age_hours: written.max_age_hours,
        };
        let (keys, trusted_root) = (written.keys, written.trusted_root);
        Some(Provenance { file, keys, threshold, identity, trusted_root, expected })
    }

    /// A ref can be asked for in four ways, of which one at most can be meant.
    fn source_ref(&mut self, base: &str, written: &written::Provenance) -> Option<SourceRef> {
        let version = written.source_versioned_tag.as_deref().map(SourceRef::version);
        if let Some(Err(message)) = &version {
            self.problem(&format!("{base}/source_versioned_tag"), message, None);
        }
        let ways = [
            ("source_ref", written.source_ref.clone().map(SourceRef::Whole)),
            ("source_branch", written.source_branch.clone().map(SourceRef::Branch)),
            ("source_tag", written.source_tag.clone().map(SourceRef::Tag)),
            ("source_versioned_tag", version.and_then(Result::ok)),
        ];
        let mut given = ways.into_iter().filter_map(|(key, way)| Some((key, way?)));
        let (first, way) = given.next()?;
        if let Some((second, _)) = given.next() {
            let message = format!("`{first}` is given, too: one of them can be meant");
            self.problem(&format!("{base}/{second}"), &message, Some("remove one"));
        }
        Some(way)
    }
}
