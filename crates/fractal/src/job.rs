//! A job of this workload as a stranger describes it, and whether it can be computed.
//!
//! Every driver asks this one question before it takes a part, so that all of them refuse the same
//! jobs. How a job is offered, and who computes it, is not here.

use crate::view::{Spec, View, ViewError};

/// The kind of a fractal picture's job. A number once given is never given again.
pub const KIND: u16 = 1;

/// Why a job is not taken, in words for the log of whoever refuses it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum JobError {
    /// A kind that later versions may know.
    #[error("this peer knows no workload of kind {0}")]
    UnknownKind(u16),
    /// The parameters name no picture that this version computes.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Tasks beyond the picture would have no result, and tiles without a task would stay away.
    #[error("the picture has {tiles} tiles, and the job claims {claimed}")]
    TaskCount {
        /// Tiles of the picture.
        tiles: u32,
        /// Tasks of the job.
        claimed: u32,
    },
}

/// The picture of a job, as asked for and as checked.
///
/// # Errors
/// The first reason for which this version does not compute the job.
pub fn appraise(kind: u16, params: &[u8], tasks: u32) -> Result<(View, Spec), JobError> {
    if kind != KIND {
        return Err(JobError::UnknownKind(kind));
    }
    let view = View::decode(params)?;
    let spec = view.validate()?;
    match spec.task_count() {
        tiles if tiles == tasks => Ok((view, spec)),
        tiles => Err(JobError::TaskCount { tiles, claimed: tasks }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_computed_is_taken() {
        let view = View { width: 300, height: 200, ..View::default() };
        let check = |kind, params: &[u8], tasks, expected: JobError| {
            let refusal = appraise(kind, params, tasks).unwrap_err();
            assert_eq!(refusal, expected);
            assert!(refusal.to_string().len() > 10, "{refusal}");
        };
        let params = view.encode();
        let (read, spec) = appraise(KIND, &params, 2).unwrap();
        assert_eq!((&read, spec), (&view, view.validate().unwrap()));

        check(KIND + 1, &params, 2, JobError::UnknownKind(KIND + 1));
        check(KIND, &params, 3, JobError::TaskCount { tiles: 2, claimed: 3 });
        check(KIND, &params, 0, JobError::TaskCount { tiles: 2, claimed: 0 });
        let endless = View { max_iter: 0, ..view.clone() }.encode();
        check(KIND, &endless, 2, ViewError::MaxIter.into());
        // A longer form of the same view would be another job with the same picture.
        let padded = [params.as_slice(), &[0]].concat();
        assert!(matches!(appraise(KIND, &padded, 2), Err(JobError::View(ViewError::Malformed(_)))));
    }
}
