//! Kept plugin files and mutations of them. Rule: bytes are a package whose every part may be used as it is, or one
//! sentence about what is wrong.

use modehost_corpus::Corpus;
use modehost_plugin::package::read;

#[test]
fn bytes_are_a_sound_package_or_one_sentence() {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), "package").keeps(|bytes| match read(bytes) {
        Ok(package) => {
            assert!((1..=64).contains(&package.id.len()));
            assert!(package.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert_eq!((package.size, package.sha256.len()), (bytes.len(), 64));
            assert!(package.imports.len() + package.exports.len() <= bytes.len());
        }
        Err(error) => {
            let sentence = error.to_string();
            // Not more lines than there are in the parser's own: it lists the eight bytes that it wanted and those
            // that it found.
            assert!(!sentence.is_empty() && sentence.lines().count() <= 24, "{sentence}");
            // What is wrong with plugin.toml is shown with the line and a mark below it.
            assert!(sentence.len() <= 4 * bytes.len() + 512, "{} bytes about {} bytes", sentence.len(), bytes.len());
        }
    });
}

#[test]
fn the_good_ones_are_read() {
    let corpus = Corpus::open(env!("CARGO_MANIFEST_DIR"), "package");
    let good: Vec<&str> = corpus.inputs().filter(|(_, bytes)| read(bytes).is_ok()).map(|(name, _)| name).collect();
    // Reading is not compiling: what only stands around the package is not judged here.
    let expected = [
        "abyss_of_components",
        "good",
        "good_in_a_module",
        "good_padded",
        "grants_that_are_many",
        "modules_in_modules",
        "two_sections_alike",
        "unknown_section",
        "version_without_end",
    ];
    assert_eq!(good, expected);
}
