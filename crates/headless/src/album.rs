//! The frames of a job as files of one directory: their names, which of them exist, and how each is
//! painted.
//!
//! A file has its name only when it is complete, and says in its text what it shows, so what exists is
//! known for certain. Who computes the tiles is not here.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use fractal::{Frames, Series, Variation};

use crate::draft::Draft;
use crate::failure::Failure;
use crate::picture::{Look, Picture};

/// The frames of a job, and where they go.
#[derive(Clone, Debug)]
pub(crate) struct Album {
    directory: PathBuf,
    frames: Frames,
    look: Look,
    /// For each frame, whether its file was here before.
    exists: Vec<bool>,
}

impl Album {
    /// Makes the directory, and looks at what it has.
    ///
    /// # Errors
    /// When a file has the name of a frame and shows something else, or nothing can be written.
    pub(crate) fn open(directory: &Path, frames: &Frames, look: Look) -> Result<Self, Failure> {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let exists = vec![false; frames.count() as usize];
        let mut album =
            Album { directory: directory.to_owned(), frames: frames.clone(), look, exists };
        // Before the work, whether anything can be written.
        drop(Draft::create(&album.file(0))?);
        for frame in 0..frames.count() {
            let file = album.file(frame);
            if file.exists() {
                if !album.picture(frame)?.is_shown_by(&file) {
                    let message =
                        format!("{} is another picture: name an empty directory", file.display());
                    return Err(Failure::usage(message));
                }
                album.exists[frame as usize] = true;
            }
        }
        Ok(album)
    }

    pub(crate) fn frames(&self) -> &Frames {
        &self.frames
    }

    /// The part of it from the first frame that is missing to the last; `None` when all are here.
    ///
    /// # Errors
    /// When one of those frames cannot be computed.
    pub(crate) fn rest(&self) -> Result<Option<Album>, Failure> {
        let mut missing = (0..self.exists.len()).filter(|at| !self.exists[*at]);
        let Some(first) = missing.next() else { return Ok(None) };
        let last = missing.next_back().unwrap_or(first);
        let part = self.part(first as u32, (last - first + 1) as u32);
        let (frames, exists) = (part.validate(), self.exists[first..=last].to_vec());
        let frames = frames.map_err(Failure::usage)?;
        Ok(Some(Album { frames, exists, directory: self.directory.clone(), look: self.look }))
    }

    /// The job of some frames.
    fn part(&self, first: u32, count: u32) -> Series {
        let mut series = self.frames.series().clone();
        match &mut series {
            Series::Picture(_) => {}
            Series::Gallery(gallery) => {
                (gallery.first, gallery.count) = (gallery.first + first, count)
            }
            Series::Zoom(zoom) => (zoom.first, zoom.count) = (zoom.first + first, count),
        }
        series
    }

    /// How many frames are here.
    pub(crate) fn found(&self) -> usize {
        self.exists.iter().filter(|exists| **exists).count()
    }

    /// Whether the file of a frame was here before.
    pub(crate) fn has(&self, frame: u32) -> bool {
        self.exists.get(frame as usize).copied().unwrap_or_default()
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of a frame.
    pub(crate) fn file(&self, frame: u32) -> PathBuf {
        self.directory.join(match self.frames.series() {
            Series::Picture(_) => format!("{frame:05}.png"),
            Series::Gallery(gallery) => {
                format!("{}-{:03}.png", gallery.seed, gallery.first + frame)
            }
            Series::Zoom(zoom) => format!("{:05}.png", zoom.first + frame),
        })
    }

    /// Writes the file of a frame, from one payload for each of its tiles. Returns how many were
    /// missing or damaged, and computed here.
    pub(crate) fn write(&self, frame: u32, payloads: &[Option<Bytes>]) -> anyhow::Result<u32> {
        let picture = self.picture(frame)?;
        Draft::create(&self.file(frame))?.complete(|out| picture.write(out, payloads))
    }

    /// What a frame shows, in its colours.
    fn picture(&self, frame: u32) -> anyhow::Result<Picture> {
        if let Series::Gallery(gallery) = self.frames.series() {
            let Variation { view, palette, colouring } = gallery.variation(simd::best(), frame);
            return Ok(Look { palette, colouring, ..self.look }.picture(view)?);
        }
        let view = self.frames.view(simd::best(), frame).context("a frame beyond the last")?;
        Ok(self.look.picture(view)?)
    }
}

impl Picture {
    /// Whether a file was painted from this picture: its name says that it is complete.
    fn is_shown_by(&self, file: &Path) -> bool {
        let Ok(file) = File::open(file) else { return false };
        let Ok(reader) = png::Decoder::new(BufReader::new(file)).read_info() else { return false };
        let info = reader.info();
        let says = |keyword: &str, text: &String| {
            let mut texts = info.uncompressed_latin1_text.iter();
            let found = texts.find(|found| found.keyword == keyword);
            // Files of before there was another scale do not say it.
            found.map_or(keyword == "scale" && !self.look.is_ranked, |found| found.text == *text)
        };
        let mut texts = self.texts().into_iter().filter(|(keyword, _)| *keyword != "Software");
        (info.width, info.height) == self.size()
            && texts.all(|(keyword, text)| says(keyword, &text))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use fractal::{Gallery, Palette, View, Zoom};

    pub(crate) fn look() -> Look {
        Look { palette: Palette::Dusk, ..Look::default() }
    }

    /// An empty directory that vanishes with the test.
    pub(crate) struct Directory(pub(crate) PathBuf);

    impl Directory {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("mf-album-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Directory(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    pub(crate) fn zoom() -> Frames {
        let from = View { width: 20, height: 10, ..View::default() };
        let to = View { zoom: "8".into(), ..from.clone() };
        let zoom = Zoom { from, to, frames: 4, first: 0, count: 4 };
        Series::Zoom(Box::new(zoom)).validate().unwrap()
    }

    #[test]
    fn only_the_frames_that_are_missing_are_asked_for() {
        let directory = Directory::new("missing");
        let frames = zoom();
        let open = || Album::open(&directory.0, &frames, look());
        let album = open().unwrap();
        assert_eq!(album.rest().unwrap().as_ref().map(Album::frames), Some(&frames));
        // Of frames without payloads the tiles are computed here.
        assert_eq!(album.write(0, &[None]).unwrap(), 1);
        assert_eq!(album.write(2, &[]).unwrap(), 1);
        let album = open().unwrap();
        let part = album.rest().unwrap().unwrap();
        let Series::Zoom(rest) = part.frames().series() else { panic!("a part of a zoom is one") };
        assert_eq!((rest.first, rest.count, album.found(), album.has(2)), (1, 3, 2, true));
        assert_eq!((part.file(0), part.has(0), part.has(1)), (album.file(1), false, true));
        for frame in [1, 3] {
            album.write(frame, &[]).unwrap();
        }
        assert!(open().unwrap().rest().unwrap().is_none());
        let other = Look { palette: Palette::Ember, ..look() };
        assert!(Album::open(&directory.0, &frames, other).is_err(), "other colours");
        fs::write(album.file(3), b"no picture").unwrap();
        assert!(open().is_err());
    }

    #[test]
    fn a_gallery_has_its_own_colours() {
        let directory = Directory::new("gallery");
        let gallery = Gallery { seed: 3, first: 0, count: 2, width: 20, height: 10 };
        let frames = Series::Gallery(gallery).validate().unwrap();
        let album = Album::open(&directory.0, &frames, look()).unwrap();
        album.write(1, &[None]).unwrap();
        let colours = gallery.variation(simd::best(), 1);
        assert_eq!(album.picture(1).unwrap().look.palette, colours.palette);
        assert!(album.file(1).ends_with("3-001.png") && album.file(1).exists());
    }
}
