//! The data directory: key, vouchers, the count of starts. One process at a time.
//!
//! ```text
//! lock      held while a process uses the directory
//! key       the secret key's seed in hexadecimal, readable by its owner only
//! epoch     how often this identity was started
//! vouchers  one line for each server that a person named: its URL, the voucher in hexadecimal, and
//!           where the introducers of its network are
//! values    what this peer holds for the network (`archive.rs`)
//! ```
//!
//! Every file but `values` is replaced whole and flushed to the disk before anything relies on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::{SECRET_BYTES, Secret, Voucher, codec};

/// Servers whose vouchers are kept; beyond it the one used longest ago is forgotten.
const VOUCHERS_MAX: usize = 32;
const VOUCHER_BYTES_MAX: usize = 256;

/// Who this process is.
#[derive(Debug)]
pub struct Identity {
    /// Its key.
    pub secret: Secret,
    /// Higher at each start.
    pub epoch: u64,
    /// The one from these servers, or else the one received last.
    pub voucher: Option<Voucher>,
    /// Where else the network of these servers can be entered.
    pub servers: Vec<String>,
    disk: Option<Disk>,
}

impl Identity {
    /// An identity that nobody will remember.
    ///
    /// # Errors
    /// Without a source of randomness.
    pub fn ephemeral() -> anyhow::Result<Self> {
        let (voucher, servers) = (None, Vec::new());
        Ok(Identity { secret: fresh_secret()?, epoch: 1, voucher, servers, disk: None })
    }

    /// The identity kept in `directory`, which is made if need be.
    ///
    /// # Errors
    /// When it cannot be read or written, or another process uses it.
    pub fn load(directory: &Path, servers: &[String]) -> anyhow::Result<Self> {
        let disk = Disk::open(directory)?;
        let secret = disk.secret()?;
        let epoch = disk.count_start()?;
        let vouchers = disk.vouchers()?;
        let of = |server: &String| vouchers.iter().find(|kept| kept.server == *server);
        let here = servers.iter().find_map(of);
        let voucher = here.or(vouchers.last()).map(|kept| kept.voucher);
        // Those of another network are none of this one.
        let servers = here.map(|kept| kept.introducers.clone()).unwrap_or_default();
        Ok(Identity { secret, epoch, voucher, servers, disk: Some(disk) })
    }

    /// Where values of the network are kept, with a data directory.
    pub fn vault(&self) -> Option<PathBuf> {
        self.disk.as_ref().map(|disk| disk.directory.join("values"))
    }

    /// Keeps the voucher that the network of these servers gave or took, and where its introducers
    /// are: by the first of the servers, which the others stand in for.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn keep(
        &mut self,
        servers: &[String],
        voucher: Voucher,
        introducers: &[String],
    ) -> anyhow::Result<()> {
        self.voucher = Some(voucher);
        let (Some(disk), Some(server)) = (&self.disk, servers.first()) else { return Ok(()) };
        disk.keep(Kept { server: server.clone(), voucher, introducers: introducers.to_vec() })
    }
}

/// A line of the file of vouchers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    server: String,
    voucher: Voucher,
    introducers: Vec<String>,
}

impl Kept {
    fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ').map(str::to_owned);
        let (server, voucher) = (words.next()?, words.next()?);
        let voucher = codec::decode(&from_hex(&voucher)?, VOUCHER_BYTES_MAX).ok()?;
        Some(Kept { server, voucher, introducers: words.collect() })
    }

    fn line(&self) -> String {
        let voucher = to_hex(&codec::encode(&self.voucher));
        let words = [&self.server, &voucher].into_iter().chain(&self.introducers);
        words.map(String::as_str).collect::<Vec<_>>().join(" ") + "\n"
    }
}

#[derive(Debug)]
struct Disk {
    directory: PathBuf,
    /// Held, never read.
    _lock: File,
}

impl Disk {
    fn open(directory: &Path) -> anyhow::Result<Self> {
        let at = || format!("the data directory {}", directory.display());
        fs::create_dir_all(directory).with_context(at)?;
        let lock = directory.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(lock).with_context(at)?;
        match lock.try_lock() {
            Ok(()) => Ok(Disk { directory: directory.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("{} is in use by another process", at()),
            Err(TryLockError::Error(error)) => Err(error).with_context(at),
        }
    }

    fn secret(&self) -> anyhow::Result<Secret> {
        if let Some(text) = self.read("key")? {
            let seed: Option<[u8; SECRET_BYTES]> =
                from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok());
            let Some(seed) = seed else {
                bail!("{} holds no key", self.directory.join("key").display());
            };
            return Ok(Secret::from_seed(&seed));
        }
        let secret = fresh_secret()?;
        self.write("key", &format!("{}\n", to_hex(&secret.seed())))?;
        Ok(secret)
    }

    fn count_start(&self) -> anyhow::Result<u64> {
        let last = match self.read("epoch")? {
            None => 0,
            Some(text) => text.trim().parse::<u64>().with_context(|| {
                format!("{} holds no number", self.directory.join("epoch").display())
            })?,
        };
        let epoch = last.saturating_add(1);
        self.write("epoch", &format!("{epoch}\n"))?;
        Ok(epoch)
    }

    /// Oldest first. A damaged line costs a new voucher, not the start.
    fn vouchers(&self) -> anyhow::Result<Vec<Kept>> {
        let text = self.read("vouchers")?.unwrap_or_default();
        Ok(text.lines().filter_map(Kept::from_line).collect())
    }

    fn keep(&self, kept: Kept) -> anyhow::Result<()> {
        let mut vouchers = self.vouchers()?;
        if vouchers.last() == Some(&kept) {
            return Ok(());
        }
        vouchers.retain(|other| other.server != kept.server);
        vouchers.push(kept);
        let surplus = vouchers.len().saturating_sub(VOUCHERS_MAX);
        self.write("vouchers", &vouchers.iter().skip(surplus).map(Kept::line).collect::<String>())
    }

    fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.directory.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.directory.join(name);
        let fresh = self.directory.join(format!("{name}.new"));
        let replace = || -> std::io::Result<()> {
            let _ = fs::remove_file(&fresh);
            let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            // The new name is on the disk once its directory is.
            #[cfg(unix)]
            File::open(&self.directory)?.sync_all()?;
            Ok(())
        };
        replace().with_context(|| path.display().to_string())
    }
}

/// Readable by the owner only, where the system knows such a thing.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn fresh_secret() -> anyhow::Result<Secret> {
    let mut seed = [0; SECRET_BYTES];
    getrandom::fill(&mut seed).context("the system's random source")?;
    Ok(Secret::from_seed(&seed))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok());
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("mf-disk-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn load(at: &Directory, servers: &[&str]) -> anyhow::Result<Identity> {
        Identity::load(&at.0, &servers.iter().map(|&server| server.into()).collect::<Vec<_>>())
    }

    #[test]
    fn an_identity_survives_and_counts_its_starts() {
        let at = Directory::new("survives");
        let mut first = load(&at, &["http://a"]).unwrap();
        let introducer = Secret::from_seed(&[7; 32]);
        let voucher = introducer.vouch(first.secret.public(), [1; 16]);
        let other = introducer.vouch(first.secret.public(), [2; 16]);
        let companions = ["ws://a/v1/ws".to_owned(), "ws://d/v1/ws".to_owned()];
        first.keep(&["http://a".into(), "http://x".into()], voucher, &companions).unwrap();
        first.keep(&["http://b".into()], other, &[]).unwrap();
        let public = first.secret.public();
        drop(first);
        for (epoch, servers, expected, known) in [
            (2, &["http://a"][..], voucher, &companions[..]),
            (3, &["http://b"], other, &[]),
            (4, &["http://c"], other, &[]),
            (5, &["http://c", "http://a"], voucher, &companions),
        ] {
            let again = load(&at, servers).unwrap();
            assert_eq!(again.secret.public(), public);
            assert_eq!(again.epoch, epoch);
            assert_eq!(again.voucher, Some(expected), "{servers:?}");
            assert_eq!(again.servers, known, "{servers:?}");
        }
    }

    #[test]
    fn two_processes_cannot_share_it() {
        let at = Directory::new("lock");
        let first = load(&at, &["http://a"]).unwrap();
        let refusal = load(&at, &["http://a"]).unwrap_err().to_string();
        assert!(refusal.contains("in use"), "{refusal}");
        drop(first);
        assert!(load(&at, &["http://a"]).is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn the_key_is_private_and_never_overwritten() {
        use std::os::unix::fs::PermissionsExt as _;
        let at = Directory::new("key");
        drop(load(&at, &["http://a"]).unwrap());
        let key = at.0.join("key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&key, "garbage").unwrap();
        assert!(load(&at, &["http://a"]).is_err());
        assert_eq!(fs::read_to_string(&key).unwrap(), "garbage");
    }

    #[test]
    fn a_damaged_voucher_is_forgotten() {
        let at = Directory::new("voucher");
        drop(load(&at, &["http://a"]).unwrap());
        fs::write(at.0.join("vouchers"), "http://a 00\nnonsense\nhttp://b zz c\n").unwrap();
        assert_eq!(load(&at, &["http://a"]).unwrap().voucher, None);
    }
}
