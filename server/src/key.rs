//! The introducer's key: the name of the network, and the one thing the server keeps.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::{SECRET_BYTES, Secret};
use data_encoding::HEXLOWER;
use tracing::{info, warn};

/// A secret, and whether an earlier start had it.
pub(crate) struct Key {
    pub(crate) secret: Secret,
    pub(crate) existed: bool,
}

/// A key that ends with the process.
pub(crate) fn ephemeral() -> anyhow::Result<Key> {
    Ok(Key { secret: fresh()?, existed: false })
}

/// The key in a file, which is made, readable by its owner only, if there is none.
pub(crate) fn load_or_create(path: &Path) -> anyhow::Result<Key> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let secret = secret_from_text(&text)
                .with_context(|| format!("{} holds no key", path.display()))?;
            let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
            if mode & 0o077 != 0 {
                warn!(file = %path.display(), "others than its owner can read the key");
            }
            Ok(Key { secret, existed: true })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = fresh()?;
            store(path, &secret)
                .with_context(|| format!("cannot keep the key in {}", path.display()))?;
            info!(file = %path.display(), "made a key");
            Ok(Key { secret, existed: false })
        }
        Err(error) => {
            Err(error).with_context(|| format!("cannot read the key in {}", path.display()))
        }
    }
}

fn fresh() -> anyhow::Result<Secret> {
    let mut seed = [0; SECRET_BYTES];
    getrandom::fill(&mut seed).context("the system has no randomness")?;
    Ok(Secret::from_seed(&seed))
}

fn secret_from_text(text: &str) -> anyhow::Result<Secret> {
    let Ok(seed) = HEXLOWER.decode(text.trim_end().as_bytes()) else {
        bail!("expected lower-case hexadecimal digits");
    };
    let Ok(seed) = <[u8; SECRET_BYTES]>::try_from(seed) else {
        bail!("expected {} digits", 2 * SECRET_BYTES);
    };
    Ok(Secret::from_seed(&seed))
}

/// Writes beside the file and links it into place: after a crash there is a whole key or none, and
/// of two servers that start at once one fails.
fn store(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let stored = write(&draft, secret).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    stored?;
    removed?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn write(draft: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{}", HEXLOWER.encode(&secret.seed()))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits() {
        let secret = Secret::from_seed(&[0xab; SECRET_BYTES]);
        let text = format!("{}\n", HEXLOWER.encode(&secret.seed()));
        assert_eq!(secret_from_text(&text).expect("a key").public(), secret.public());
        for wrong in ["", "ab", &text[1..], &text.to_uppercase()] {
            assert!(secret_from_text(wrong).is_err());
        }
    }
}
