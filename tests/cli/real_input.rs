//! A drill of real input: a database of some hundred thousand rows, an SBOM that a tool made,
//! provenance in an envelope, and a script that really restores it.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use data_encoding::BASE64;
use dr_drill::backup::hash_backup;
use dr_drill::digest::{Digest, Unobserved};
use dr_drill::payload::{PayloadError, inspect};
use dr_drill::wire::event::PayloadFacts;
use serde_json::json;

use crate::common::{NOW, Project};

/// Made once: customers, orders and lines with keys, indexes and text that is not ASCII.
const SCHEMA: &str = "
    PRAGMA page_size = 4096;
    CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, created_at TEXT NOT NULL);
    CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer(id),
        placed_at TEXT NOT NULL, total_cents INTEGER NOT NULL CHECK (total_cents >= 0));
    CREATE TABLE line(order_id INTEGER NOT NULL REFERENCES orders(id), position INTEGER NOT NULL,
        sku TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (order_id, position)) WITHOUT ROWID;
    BEGIN;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO customer SELECT i, 'Kundin Nº ' || i || ' Ødegård', 'Zürich', datetime(1700000000 + i * 60, 'unixepoch') FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO orders SELECT i, 1 + (i * 7919) % 20000, datetime(1700000000 + i * 90, 'unixepoch'), (i * 104729) % 500000 FROM n;
    INSERT INTO line SELECT id, 1, 'sku-' || (id % 977), 1 + id % 5 FROM orders;
    INSERT INTO line SELECT id, 2, 'sku-' || (id % 383), 1 FROM orders WHERE id % 2 = 0;
    COMMIT;
    CREATE INDEX orders_by_customer ON orders(customer_id, placed_at);
    CREATE INDEX line_by_sku ON line(sku);
    CREATE VIEW revenue AS SELECT city, sum(total_cents) AS cents FROM customer JOIN orders ON customer_id = customer.id GROUP BY city;
";

/// Restores the database, looks at what came back, and only then hands it over.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
restored="$RESTORE_DIR/restored.db"
sqlite3 "$restored" ".restore '$BACKUP_PATH'"
[ "$(sqlite3 "$restored" 'PRAGMA integrity_check')" = ok ]
[ -z "$(sqlite3 "$restored" 'PRAGMA foreign_key_check')" ]
echo "orders: $(sqlite3 "$restored" 'SELECT count(*) FROM orders')"
sqlite3 "$restored" ".backup '$RESTORE_DIR/recovered-backup.db'"
"#;

static DATABASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = |database: &str, text: &str| {
        let mut child = Command::new("sqlite3")
            .args(["-bail", database])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("sqlite3 is needed: make test-tools installs it");
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    };
    sqlite("live.db", SCHEMA);
    sqlite("live.db", ".backup backup.db\n");
    fs::read(folder.path().join("backup.db")).unwrap()
});

fn dsse(statement: &serde_json::Value) -> String {
    let payload = BASE64.encode(statement.to_string().as_bytes());
    json!({"payloadType": "application/vnd.in-toto+json", "payload": payload,
        "signatures": [{"keyid": "backup-host", "sig": BASE64.encode(&[7; 64])}]})
    .to_string()
}

fn statement(digest: &Digest) -> serde_json::Value {
    json!({"_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "orders.db", "digest": {"sha256": digest.to_string()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "https://example.org/sqlite-backup/v1",
            "externalParameters": {"database": "orders"}},
            "runDetails": {"builder": {"id": "https://example.org/backup-host"}}}})
}

fn project() -> Project {
    let project = Project::empty();
    project
        .write("backups/orders.db", &*DATABASE)
        .write("backups/orders.intoto.json", dsse(&statement(&Digest::of(&DATABASE))))
        .write("backups/sbom.cdx.json", fs::read("fixtures/real/dr-drill.cdx.json").unwrap())
        .executable("backups/restore.sh", SCRIPT);
    let output = project.run(&[
        "init",
        "backups/orders.db",
        "--sbom",
        "backups/sbom.cdx.json",
        "--provenance",
        "backups/orders.intoto.json",
        "--script",
        "backups/restore.sh",
        "--captured-at",
        "2026-11-20T08:00:00Z",
        "--manifest",
        "data/dr/manifest.json",
    ]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    project.edit(|manifest| {
        // What vouches is changed below; the script too.
        for key in ["sbom", "provenance"] {
            manifest[key].as_object_mut().unwrap().remove("sha256");
        }
        manifest["restore"].as_object_mut().unwrap().remove("script_sha256");
        manifest["restore"]["isolation"] = json!("required");
    });
    project
}

#[test]
fn a_real_database_comes_back() {
    let project = project();
    let output = project.run(&["run", "--current-time", NOW]);
    assert_eq!(output.code(), 0, "{}", output.snapshot());
    assert_eq!(project.text("artifacts/dr/restore/restore.log"), "orders: 100000\n");
    let report = project.report();
    assert_eq!(report["payload"]["format"], "sqlite");
    assert_eq!(report["provenance"]["form"], "dsse");
    assert!(report["sbom"]["components"].as_u64().unwrap() > 50);
    project.verifies();
}

#[test]
fn each_damage_fails_at_its_own_step() {
    let mut flipped = DATABASE.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let project_1 = project();
    project_1.write("backups/orders.db", &flipped);
    assert!(project_1.fails_at(1, "verify_backup_digest").contains("the manifest pins"));

    // Pinned anew, as an attacker or an accident would: the page count tells.
    let half = &DATABASE[..DATABASE.len() / 2 / 4096 * 4096];
    let project_2 = project();
    project_2.write("backups/orders.db", half);
    let digest = Digest::of(half);
    project_2.write("backups/orders.intoto.json", dsse(&statement(&digest)));
    project_2.edit(|manifest| manifest["backup"]["sha256"] = json!(digest.to_string()));
    assert!(
        project_2.fails_at(1, "verify_backup_payload").contains("the SQLite database is cut off")
    );

    let project_3 = project();
    project_3.edit_json("backups/sbom.cdx.json", |sbom| {
        sbom["metadata"]["component"]["hashes"] =
            json!([{"alg": "SHA-256", "content": "a".repeat(64)}]);
    });
    assert!(project_3.fails_at(1, "validate_sbom").contains("is of another artifact"));

    let project_4 = project();
    project_4.write("backups/orders.intoto.json", dsse(&statement(&Digest::of(b"other"))));
    assert!(
        project_4.fails_at(1, "validate_provenance").contains("no statement is about the artifact")
    );

    for (script, step, wanted) in [
        (
            "#!/bin/sh\nsqlite3 x '.tables' >/dev/null; exit 1\n".to_owned(),
            "restore_artifact",
            "exit status 1",
        ),
        (SCRIPT.replace(".backup", ".tables"), "validate_restored_backup", "no recovered artifact"),
        (format!("{SCRIPT}rm $RESTORE_DIR/*\n"), "validate_restored_backup", "wrote nothing"),
        (
            SCRIPT.replace(
                "echo \"orders",
                "sqlite3 \"$restored\" 'DELETE FROM orders WHERE id = 5'; echo \"orders",
            ),
            "validate_restored_backup",
            "is wanted",
        ),
        (
            format!("{SCRIPT}setsid sleep 9321NAP >/dev/null 2>&1 &\n"),
            "restore_artifact",
            "left processes running (sleep)",
        ),
    ] {
        let project = project();
        project.executable("backups/restore.sh", &script);
        let message = project.fails_at(1, step);
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
    let project_5 = project();
    project_5.executable("backups/restore.sh", "#!/bin/sh\nsleep 60\n");
    project_5.edit(|manifest| manifest["restore"]["timeout_seconds"] = json!(1));
    assert!(project_5.fails_at(1, "restore_artifact").contains("did not end within 1 seconds"));
}

/// Looks inside as a drill does.
fn look(bytes: &[u8]) -> Result<PayloadFacts, PayloadError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    inspect(&mut file, "backup", &Unobserved)
}

/// A dump that a real PostgreSQL wrote: whole it is recognised, cut anywhere it is not.
#[test]
fn a_real_pg_dump_is_whole_or_refused() {
    let whole = fs::read("fixtures/real/shop.pgdump").unwrap();
    let facts = look(&whole).unwrap();
    assert_eq!((facts.format.as_str(), facts.complete), ("pg_dump custom", true));
    assert!(facts.time.is_some());
    for cut in (11..whole.len()).step_by(7).chain([whole.len() - 1]) {
        assert!(look(&whole[..cut]).is_err(), "cut at {cut} of {}", whole.len());
    }
}

/// Plain dumps restore without an error wherever they are cut: only their closing line tells.
#[test]
fn a_plain_dump_that_is_cut_anywhere_is_recognised() {
    for name in ["shop.sql", "shop.cluster.sql", "shop.mariadb.sql"] {
        let whole = fs::read(format!("fixtures/real/{name}")).unwrap();
        assert!(look(&whole).is_ok(), "{name}");
        let fifty = (1..=50).map(|part| whole.len() * part / 51);
        // Exactly behind each statement, too: what is left is valid SQL.
        let statements =
            whole.windows(2).enumerate().filter(|(_, pair)| pair == b";\n").map(|(at, _)| at + 2);
        let mut cuts: Vec<usize> = fifty.chain(statements).collect();
        // What follows behind the last statement is the closing line.
        cuts.retain(|cut| *cut < whole.len());
        assert!(cuts.len() > 100, "{name}: {}", cuts.len());
        for cut in cuts {
            assert!(look(&whole[..cut]).is_err(), "{name} cut at {cut} of {}", whole.len());
        }
    }
}

/// Of a thousand flipped bits none escapes the digest; and of those in the rows, were they pinned
/// anew, none escapes the restore.
#[test]
fn a_custom_dump_with_any_bit_flipped_is_recognised() {
    let whole = fs::read("fixtures/real/shop.pgdump").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = dr_drill::fs::Root::open(folder.path(), folder.path()).unwrap();
    let pin = Digest::of(&whole);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    for part in 0..1000 {
        let at = whole.len() * part / 1000;
        fs::write(folder.path().join("b"), flipped(at)).unwrap();
        let hashed = hash_backup(&root, "b", None, &Unobserved).unwrap();
        assert!(hashed.accept(&pin).is_err(), "flipped at {at}");
    }
    // The rows follow after the table of contents, each table's in a compressed block.
    let rows = whole.windows(2).position(|bytes| bytes == [0x78, 0x9c]).unwrap();
    let project = Project::database("postgres", "shop.pgdump", &whole);
    for part in 1..10 {
        let at = rows + (whole.len() - rows) * part / 10;
        let bytes = flipped(at);
        project.write("shop.pgdump", &bytes);
        let digest = Digest::of(&bytes).to_string();
        project.edit(|manifest| manifest["backup"]["sha256"] = json!(digest));
        let output = project.run(&["run", "--current-time", NOW, "--root", "."]);
        assert_eq!(output.code(), 1, "flipped at {at}: {}", output.snapshot());
    }
}
