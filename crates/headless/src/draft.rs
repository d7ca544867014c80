//! A file beside its place, until it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file that takes its name when it is complete, and vanishes otherwise.
#[derive(Debug)]
pub(crate) struct Draft {
    target: PathBuf,
    path: PathBuf,
    file: Option<File>,
}

impl Draft {
    /// Begins a file beside `target`, so that a place where nothing can be written is known before
    /// the work.
    pub(crate) fn create(target: &Path) -> anyhow::Result<Self> {
        let name = target.file_name().context("the output is no file name")?;
        // Other programs tell the kind of a file by how its name ends.
        let mut draft_name = std::ffi::OsString::from(format!(".part-{}-", std::process::id()));
        draft_name.push(name);
        let path = target.with_file_name(draft_name);
        anyhow::ensure!(!target.is_dir(), "{} is a directory", target.display());
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = file.with_context(|| format!("{} cannot be written", target.display()))?;
        Ok(Draft { target: target.to_owned(), path, file: Some(file) })
    }

    /// The name it will have.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The name it has until then, for another program that fills it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name: it is complete.
    pub(crate) fn keep(mut self) -> anyhow::Result<()> {
        let renamed = fs::rename(&self.path, &self.target);
        renamed.with_context(|| format!("{} was not written", self.target.display()))?;
        self.path = PathBuf::new();
        Ok(())
    }

    /// Fills the file and gives it its name.
    pub(crate) fn complete<T>(
        mut self,
        fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let file = self.file.take().context("a draft is completed once")?;
        let write = || -> anyhow::Result<T> {
            let mut out = BufWriter::with_capacity(1 << 20, file);
            let value = fill(&mut out)?;
            out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
            Ok(value)
        };
        let value =
            write().with_context(|| format!("{} was not written", self.target.display()))?;
        self.keep()?;
        Ok(value)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_leaves_all_or_nothing() {
        let directory = std::env::temp_dir().join(format!("mf-draft-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let target = directory.join("a.png");
        let names = || fs::read_dir(&directory).unwrap().count();
        drop(Draft::create(&target).unwrap());
        assert_eq!(names(), 0);
        let failed: anyhow::Result<()> =
            Draft::create(&target).unwrap().complete(|_| anyhow::bail!("no"));
        assert!(failed.is_err());
        assert_eq!(names(), 0);
        let filled = Draft::create(&target).unwrap().complete(|out| Ok(out.write_all(b"png")?));
        filled.unwrap();
        assert_eq!((names(), fs::read(&target).unwrap()), (1, b"png".to_vec()));
        assert!(Draft::create(&directory.join("none/a.png")).is_err());
        assert!(Draft::create(&directory).is_err());
        fs::remove_dir_all(&directory).unwrap();
    }
}
