//! The corpora of the fuzz targets, replayed: every claim holds for every file, and for what is left of it when it is cut.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use zonekit_claims::{CLAIMS, Claim};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Whether a file is committed: what a run of the fuzzer adds is called otherwise.
fn is_kept(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    name.starts_with("seed-") || name.starts_with("found-")
}

/// Holds a claim against its corpus: each file as it is, and cut at so many places.
fn replay(target: &str, claim: Claim, cuts: usize) {
    let mut files = files(&corpus().join(target));
    files.retain(|file| is_kept(file));
    assert!(files.len() >= 4, "{target} has {} files", files.len());
    for file in files {
        let octets = fs::read(&file).unwrap();
        let ends = (0..cuts)
            .map(|cut| octets.len() * cut / cuts)
            .chain([octets.len()]);
        for end in ends {
            let holds = catch_unwind(AssertUnwindSafe(|| claim(&octets[..end])));
            assert!(
                holds.is_ok(),
                "the first {end} octets of {}",
                file.display()
            );
        }
    }
}

macro_rules! replays {
    ($($target:ident),+ $(,)?) => {
        $(#[test]
        fn $target() {
            let name = stringify!($target);
            let (_, claim) = CLAIMS.iter().find(|(target, _)| *target == name).expect(name);
            replay(name, *claim, 8);
        })+

        #[test]
        fn every_claim_is_replayed_and_has_a_target_and_a_corpus() {
            let replayed = BTreeSet::from([$(stringify!($target).to_owned()),+]);
            let claims: BTreeSet<_> = CLAIMS.iter().map(|(target, _)| (*target).to_owned()).collect();
            assert_eq!(claims, replayed);
            let stems = |folder: &Path| -> BTreeSet<String> {
                let stem = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
                files(folder).iter().map(stem).collect()
            };
            assert_eq!(stems(&corpus()), replayed);
            assert_eq!(stems(&corpus().join("../fuzz_targets")), replayed);
        }
    };
}

replays!(
    axfr_stream,
    differential_hickory,
    framing,
    ixfr_stream,
    master_file,
    message,
    name,
    query,
    rdata,
    tsig_message,
    tsig_stream,
    zone_edits,
);
