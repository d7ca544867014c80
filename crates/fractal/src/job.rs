//! A job of this workload as a stranger describes it, and whether it can be computed.
//!
//! Every driver asks this one question before it takes a part, so that all of them refuse the same
//! jobs. How a job is offered, and who computes it, is not here.

use crate::frames::{Frames, Series, SeriesError};

/// The kind of a fractal picture's job. A number once given is never given again.
pub const KIND: u16 = 1;
/// The kind of a job of many frames.
pub const SERIES_KIND: u16 = 2;

/// Why a job is not taken, in words for the log of whoever refuses it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum JobError {
    /// A kind that later versions may know.
    #[error("this peer knows no workload of kind {0}")]
    UnknownKind(u16),
    /// The parameters name nothing that this version computes.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// Parameters of one kind in a job of the other.
    #[error("the job is of another kind than its parameters")]
    OtherKind,
    /// Tasks beyond the pictures would have no result, and tiles without a task would stay away.
    #[error("the pictures have {tiles} tiles, and the job claims {claimed}")]
    TaskCount {
        /// Tiles of all pictures.
        tiles: u32,
        /// Tasks of the job.
        claimed: u32,
    },
}

/// What a job computes, checked.
///
/// # Errors
/// The first reason for which this version does not compute the job.
pub fn appraise(kind: u16, params: &[u8], tasks: u32) -> Result<Frames, JobError> {
    if kind != KIND && kind != SERIES_KIND {
        return Err(JobError::UnknownKind(kind));
    }
    let series = Series::decode(params)?;
    if series.kind() != kind {
        return Err(JobError::OtherKind);
    }
    let frames = series.validate()?;
    match frames.task_count() {
        tiles if tiles == tasks => Ok(frames),
        tiles => Err(JobError::TaskCount { tiles, claimed: tasks }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{View, ViewError};

    #[test]
    fn only_what_can_be_computed_is_taken() {
        let view = View { width: 300, height: 200, ..View::default() };
        let check = |kind, params: &[u8], tasks, expected: JobError| {
            let refusal = appraise(kind, params, tasks).unwrap_err();
            assert_eq!(refusal, expected);
            assert!(refusal.to_string().len() > 10, "{refusal}");
        };
        let params = view.encode();
        let frames = appraise(KIND, &params, 2).unwrap();
        assert_eq!(frames.series(), &Series::Picture(view.clone()));
        assert_eq!(frames.spec(&crate::Plain, 0), Some(view.validate().unwrap()));

        check(SERIES_KIND + 1, &params, 2, JobError::UnknownKind(SERIES_KIND + 1));
        check(SERIES_KIND, &params, 2, JobError::OtherKind);
        check(KIND, &params, 3, JobError::TaskCount { tiles: 2, claimed: 3 });
        check(KIND, &params, 0, JobError::TaskCount { tiles: 2, claimed: 0 });
        let endless = View { max_iter: 0, ..view.clone() }.encode();
        check(KIND, &endless, 2, SeriesError::View(ViewError::MaxIter).into());
        // A longer form of the same view would be another job with the same picture.
        let padded = [params.as_slice(), &[0]].concat();
        let malformed = appraise(KIND, &padded, 2);
        let is_malformed =
            |error| matches!(error, JobError::Series(SeriesError::View(ViewError::Malformed(_))));
        assert!(malformed.is_err_and(is_malformed));
    }
}
