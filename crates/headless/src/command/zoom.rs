//! `millefeuille zoom`: the way from one view to another as numbered pictures, all of them one job, and
//! as a video where ffmpeg is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use anyhow::Context as _;
use fractal::{FRAMES_MAX, Series, View, Zoom, presets};

use super::Helpers;
use super::colours::Colours;
use super::gallery::fill;
use super::render::{Size, detach};
use super::which::{Constant, Which};
use crate::album::Album;
use crate::draft::Draft;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::signals::Signals;

/// What makes a video of pictures.
const FFMPEG: &str = "ffmpeg";

/// Compute the way from one view to another as numbered pictures, and a video of them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    helpers: Helpers,
    #[command(flatten)]
    which: Which,
    /// Where to begin: RE,IM,ZOOM
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true, default_value = "-0.5,0,1")]
    from: Place,
    /// Where to end: RE,IM,ZOOM, or the name of a known place such as seahorse
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    to: Place,
    /// Pictures, both ends among them
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=i64::from(FRAMES_MAX)))]
    frames: u32,
    /// Iterations after which a point counts as inside, at the beginning
    #[arg(long, value_name = "N", default_value_t = View::default().max_iter)]
    max_iter: u32,
    /// The same at the end; it grows evenly in between
    #[arg(long, value_name = "N")]
    max_iter_to: Option<u32>,
    /// Pixels of each
    #[arg(long, value_name = "WxH", default_value = "1280x720")]
    size: Size,
    #[command(flatten)]
    colours: Colours,
    /// The directory for the pictures; those that it has already stay as they are
    #[arg(long, value_name = "DIR", required_unless_present = "detach")]
    out: Option<PathBuf>,
    /// The video; DIR/zoom.mp4 unless given, if ffmpeg is there
    #[arg(long, value_name = "FILE", requires = "out")]
    video: Option<PathBuf>,
    /// Pictures of the video a second
    #[arg(long, value_name = "N", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=240))]
    fps: u16,
    /// Leave once the network holds the job, and print its id for `watch`
    #[arg(long, requires = "server", conflicts_with = "out")]
    detach: bool,
}

/// A centre and a zoom, still as text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    re: String,
    im: String,
    zoom: String,
    /// Of a known place, the iterations that it needs.
    max_iter: Option<u32>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        if let [re, im, zoom] = parts[..] {
            let (re, im, zoom) = (re.to_owned(), im.to_owned(), zoom.to_owned());
            return Ok(Place { re, im, zoom, max_iter: None });
        }
        let known = presets().iter().filter(|preset| preset.formula == View::default().formula);
        let names: Vec<&str> = known.clone().map(|preset| preset.name).collect();
        let place = known.into_iter().find(|preset| preset.name == text);
        let place = place.ok_or_else(|| {
            format!("write RE,IM,ZOOM such as -0.75,0.1,200, or one of {}", names.join(", "))
        })?;
        let View { re, im, zoom, max_iter, .. } = place.view(1, 1);
        Ok(Place { re, im, zoom, max_iter: Some(max_iter) })
    }
}

impl Args {
    fn series(&self) -> Result<Series, Failure> {
        let (formula, Constant(c_re, c_im)) = self.which.resolve()?;
        let (width, height) = (self.size.0, self.size.1);
        let view = |place: &Place, max_iter: u32| View {
            formula,
            re: place.re.clone(),
            im: place.im.clone(),
            zoom: place.zoom.clone(),
            c_re: c_re.clone(),
            c_im: c_im.clone(),
            max_iter,
            width: width.saturating_mul(self.colours.samples),
            height: height.saturating_mul(self.colours.samples),
        };
        let last = self.max_iter_to.or(self.to.max_iter).unwrap_or(self.max_iter);
        Ok(Series::Zoom(Box::new(Zoom {
            from: view(&self.from, self.from.max_iter.unwrap_or(self.max_iter)),
            to: view(&self.to, last),
            frames: self.frames,
            first: 0,
            count: self.frames,
        })))
    }
}

/// Computes, writes, and makes a video of it.
pub(crate) async fn run(args: &Args, is_json: bool, is_quiet: bool) -> Result<(), Failure> {
    let frames = args.series()?.validate().map_err(Failure::usage)?;
    let signals = Signals::listen().map_err(anyhow::Error::from)?;
    let Some(directory) = args.out.as_deref().filter(|_| !args.detach) else {
        return detach(&frames, &args.helpers, signals, is_json).await;
    };
    let album = Album::open(directory, &frames, args.colours.look())?;
    fill(album, &args.helpers, signals, is_json, is_quiet).await?;
    assemble(args, directory, &Progress::new(is_quiet)).await
}

/// Makes the video; without ffmpeg that is no failure unless one was asked for.
async fn assemble(args: &Args, directory: &Path, progress: &Progress) -> Result<(), Failure> {
    let video = args.video.clone().unwrap_or_else(|| directory.join("zoom.mp4"));
    let draft = Draft::create(&video)?;
    let mut command = ffmpeg(directory, args.fps, draft.path())?;
    let made = tokio::task::spawn_blocking(move || command.output()).await.context(FFMPEG)?;
    let made = match made {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = format!(
                "{FFMPEG} is not here, so there is no video: the frames are in {}",
                directory.display()
            );
            if args.video.is_some() {
                return Err(Failure::new(Code::Runtime, message));
            }
            progress.say(&message);
            return Ok(());
        }
        made => made.with_context(|| format!("{FFMPEG} cannot be started"))?,
    };
    if !made.status.success() {
        let reason = String::from_utf8_lossy(&made.stderr);
        let message = format!("{FFMPEG} made no video of the frames: {}", reason.trim());
        return Err(Failure::new(Code::Runtime, message));
    }
    draft.keep()?;
    progress.say(&format!("{}: {} frames at {} a second", video.display(), args.frames, args.fps));
    Ok(())
}

/// Numbered pictures to a video. It runs in their directory, of which the name may hold what means a number
/// to it.
fn ffmpeg(directory: &Path, fps: u16, video: &Path) -> anyhow::Result<Command> {
    let video = std::path::absolute(video)?;
    let mut command = Command::new(FFMPEG);
    command.current_dir(directory);
    command.args(["-y", "-loglevel", "error", "-framerate", &fps.to_string(), "-i", "%05d.png"]);
    // Players want sides that are even, and colours that are shared by two pixels.
    command.args(["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-pix_fmt", "yuv420p"]).arg(video);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place: Place = "-0.75, 0.1,2e30".parse().unwrap();
        assert_eq!((&*place.re, &*place.im, &*place.zoom), ("-0.75", "0.1", "2e30"));
        assert_eq!("seahorse".parse::<Place>().unwrap().max_iter, Some(5_000));
        for text in ["", "1,2", "1,2,3,4", "rabbit"] {
            assert!(text.parse::<Place>().unwrap_err().contains("seahorse"), "{text}");
        }
    }
    #[test]
    fn the_name_of_the_directory_means_nothing_to_ffmpeg() {
        let directory = Path::new("100%d");
        let command = ffmpeg(directory, 25, &directory.join("zoom.mp4")).unwrap();
        assert_eq!(command.get_current_dir(), Some(directory));
        let words: Vec<&Path> = command.get_args().map(Path::new).collect();
        assert!(words.contains(&Path::new("%05d.png")));
        let video = words.last().unwrap();
        assert!(video.is_absolute() && video.ends_with("100%d/zoom.mp4"), "{video:?}");
    }
}
