//! The engine against the definition, on any tree.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::super::Unobserved;
use super::*;

/// The definition, followed to the letter by one thread that knows nothing of the engine.
fn by_definition(top: &Path) -> Digest {
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = walkdir::WalkDir::new(top)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(top).unwrap().as_os_str().as_bytes().to_vec();
            let metadata = entry.path().symlink_metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o7777;
            let start = if metadata.is_dir() {
                format!("d {mode:04o} - ")
            } else if metadata.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                format!("l 0777 {} ", Digest::of(target.as_os_str().as_bytes()))
            } else {
                format!("f {mode:04o} {} ", Digest::of(&fs::read(entry.path()).unwrap()))
            };
            (path.clone(), [start.as_bytes(), &path, b"\0"].concat())
        })
        .collect();
    records.sort();
    Digest::of(&records.into_iter().flat_map(|(_, record)| record).collect::<Vec<u8>>())
}

fn digest(top: &Path) -> Digest {
    hash_tree(&File::open(top).unwrap(), &Unobserved).unwrap().digest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_has_the_digest_of_the_definition_and_any_change_another(
        files in prop::collection::btree_map("[a-c]/[a-c.é ]{1,3}", (0..200_000usize, 0..3usize), 1..20),
        change in 0..5,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        for (path, (length, kind)) in &files {
            let place = top.join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            let made = match kind {
                0 => symlink(format!("to-{length}"), &place),
                _ => fs::write(&place, vec![*kind as u8; *length]),
            };
            // `.` and `..` are no names of their own.
            prop_assume!(made.is_ok());
        }
        let before = digest(top);
        prop_assert_eq!(before, by_definition(top));
        let first = top.join(files.keys().next().unwrap());
        match change {
            0 => fs::remove_file(&first).unwrap(),
            1 => fs::rename(&first, top.join("renamed")).unwrap(),
            2 => fs::create_dir(top.join("new")).unwrap(),
            3 => fs::set_permissions(first.parent().unwrap(), fs::Permissions::from_mode(0o711)).unwrap(),
            _ => {
                fs::remove_file(&first).unwrap();
                fs::write(&first, "changed").unwrap();
            }
        }
        prop_assert_ne!(digest(top), before);
        prop_assert_eq!(digest(top), by_definition(top));
    }
}

#[test]
fn nesting_without_end_and_special_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let deep: PathBuf = std::iter::repeat_n("d", MAX_DEPTH + 2).collect();
    fs::create_dir_all(folder.path().join(deep)).unwrap();
    let error = hash_tree(&File::open(folder.path()).unwrap(), &Unobserved).unwrap_err();
    assert!(matches!(error, TreeError::TooDeep { .. }));
    let folder = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    let error = hash_tree(&File::open(folder.path()).unwrap(), &Unobserved).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`s` is a socket: only files, directories and symbolic links can be backed up"
    );
}
