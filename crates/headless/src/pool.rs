//! Threads that compute tasks, so that the driver's loop never does.
//!
//! The node hands out no more than the slots it was given, which are the threads here, so the queue
//! is empty but for moments of overlap. A task that panics is a failed task.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use bytes::Bytes;
use fractal::{Engine, Spec};
use node::{Failure, WorkId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::pace::{Intensity, Pace};
use crate::workload;

/// Threads at most: what a node uses.
pub(crate) const THREADS_MAX: u16 = node::SLOTS_MAX;

/// Pictures that are kept ready between tasks, the latest first; the oldest is forgotten. Chosen: a
/// deep one may take 0.2 GB, and peers seldom work on more jobs at once.
const SPECS_MAX: usize = 3;

/// A computation that ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) work: WorkId,
    pub(crate) outcome: Result<Bytes, Failure>,
}

struct Job {
    work: WorkId,
    task: u32,
    kind: u16,
    params: Bytes,
    is_wanted: Arc<AtomicBool>,
}

/// The pictures of the latest tasks, by the parameters of their jobs. All threads share them, so that
/// the reference orbit of a deep picture is computed once.
#[derive(Debug, Default)]
struct Specs(Mutex<VecDeque<(Bytes, Spec)>>);

/// The threads. They end when the pool is dropped.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: mpsc::Sender<Job>,
    /// Unbounded by type, bounded by the jobs that were handed in: one message each.
    done: UnboundedReceiver<Done>,
    under_way: BTreeMap<WorkId, Arc<AtomicBool>>,
}

impl Pool {
    /// `threads` threads at low priority, each computing for a share of its time.
    pub(crate) fn start(threads: u16, intensity: Intensity) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let (sender, done) = unbounded_channel();
        let queue = Arc::new(Mutex::new(queue));
        let specs = Arc::new(Specs::default());
        for at in 0..threads.clamp(1, THREADS_MAX) {
            let (queue, sender) = (Arc::clone(&queue), sender.clone());
            let specs = Arc::clone(&specs);
            thread::Builder::new()
                .name(format!("tile-{at}"))
                .spawn(move || run(&queue, &specs, &sender, intensity))?;
        }
        Ok(Pool { jobs, done, under_way: BTreeMap::new() })
    }

    /// Computes a task; [`Pool::done`] tells the outcome, unless it was abandoned.
    pub(crate) fn compute(&mut self, work: WorkId, task: u32, kind: u16, params: Bytes) {
        let is_wanted = Arc::new(AtomicBool::new(true));
        self.under_way.insert(work, Arc::clone(&is_wanted));
        let job = Job { work, task, kind, params, is_wanted };
        self.jobs.send(job).expect("the threads live as long as the pool");
    }

    /// Stops a computation within some 10 ms.
    pub(crate) fn abandon(&mut self, work: WorkId) {
        if let Some(is_wanted) = self.under_way.remove(&work) {
            is_wanted.store(false, Ordering::Relaxed);
        }
    }

    /// Waits for the next computation to end.
    pub(crate) async fn done(&mut self) -> Done {
        loop {
            let done = self.done.recv().await.expect("the threads live as long as the pool");
            if self.under_way.remove(&done.work).is_some() {
                return done;
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for is_wanted in self.under_way.values() {
            is_wanted.store(false, Ordering::Relaxed);
        }
    }
}

fn run(
    queue: &Mutex<mpsc::Receiver<Job>>,
    specs: &Specs,
    sender: &UnboundedSender<Done>,
    intensity: Intensity,
) {
    be_nice();
    let mut pace = Pace::start(intensity);
    let engine = simd::best();
    loop {
        let next = queue.lock().expect("nobody panics while waiting").recv();
        let Ok(job) = next else { return };
        pace.begin();
        let result = catch_unwind(AssertUnwindSafe(|| compute(engine, &job, specs, &mut pace)));
        let outcome =
            result.unwrap_or_else(|_| Err(Failure::Failed("the computation panicked".into())));
        if sender.send(Done { work: job.work, outcome }).is_err() {
            return;
        }
        // A dear tile has rested on the way; a cheap one rests here, when its result is gone.
        pace.rest(|| job.is_wanted.load(Ordering::Relaxed));
    }
}

fn compute(
    engine: &'static dyn Engine,
    job: &Job,
    specs: &Specs,
    pace: &mut Pace,
) -> Result<Bytes, Failure> {
    let is_wanted = || job.is_wanted.load(Ordering::Relaxed);
    if !is_wanted() {
        return Err(Failure::Stopped);
    }
    let spec = specs.of(job).map_err(Failure::Failed)?;
    let goes_on = || {
        pace.rest(is_wanted);
        is_wanted()
    };
    match workload::compute(engine, &spec, job.task, goes_on) {
        Ok(Some(payload)) => Ok(Bytes::from(payload)),
        Ok(None) => Err(Failure::Stopped),
        Err(reason) => Err(Failure::Failed(reason)),
    }
}

impl Specs {
    fn of(&self, job: &Job) -> Result<Spec, String> {
        let mut specs = self.0.lock().map_err(|_| "a computation panicked")?;
        let known = specs.iter().position(|(params, _)| *params == job.params);
        let latest = match known.and_then(|at| specs.remove(at)) {
            Some(known) => known,
            None => {
                let view = fractal::View::decode(&job.params).map_err(|error| error.to_string())?;
                let spec = workload::appraise(job.kind, &job.params, fractal::task_count(&view))?;
                (job.params.clone(), spec)
            }
        };
        let spec = latest.1.clone();
        specs.push_front(latest);
        specs.truncate(SPECS_MAX);
        Ok(spec)
    }
}

/// The loop that answers peers must not wait for tiles. Best effort: a refusal changes nothing.
fn be_nice() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(test)]
mod tests {
    use super::*;
    use fractal::{View, decode_tile};

    #[tokio::test]
    async fn a_task_becomes_a_tile() {
        let view = View { width: 300, height: 20, max_iter: 100, ..View::default() };
        let mut pool = Pool::start(2, Intensity::default()).unwrap();
        for task in 0..2 {
            pool.compute(WorkId(task.into()), task, workload::KIND, view.encode().into());
        }
        pool.compute(WorkId(2), 2, workload::KIND, view.encode().into());
        pool.compute(WorkId(3), 0, 9, b"nonsense".to_vec().into());
        for _ in 0..4 {
            let done = pool.done().await;
            match u32::try_from(done.work.0).unwrap() {
                task @ 0..2 => {
                    let rect = fractal::tile_rect(&view, task).unwrap();
                    let tile = decode_tile(&done.outcome.unwrap(), rect.width, rect.height);
                    assert_eq!(tile.ok(), fractal::compute(&view.validate().unwrap(), task));
                }
                _ => assert!(matches!(done.outcome, Err(Failure::Failed(_)))),
            }
        }
    }

    #[test]
    fn tasks_of_a_job_share_its_picture() {
        let specs = Specs::default();
        let spec = |exponent: u32| {
            let view = View { zoom: format!("1e{exponent}"), im: "1".into(), ..View::default() };
            let is_wanted = Arc::new(AtomicBool::new(true));
            let params = Bytes::from(view.encode());
            let job = Job { work: WorkId(0), task: 0, kind: workload::KIND, params, is_wanted };
            specs.of(&job).unwrap()
        };
        for exponent in 20..30 {
            let first = spec(exponent);
            assert!(first.shares_orbit_with(&spec(exponent)));
            assert!(!first.shares_orbit_with(&spec(exponent - 1)));
        }
        assert_eq!(specs.0.lock().unwrap().len(), SPECS_MAX);
    }

    #[tokio::test]
    async fn an_abandoned_task_frees_its_thread() {
        // Inside of the set in every pixel, and hours long.
        let view = View {
            re: "-0.1".into(),
            im: "0.1".into(),
            zoom: "1000".into(),
            max_iter: fractal::MAX_ITER_MAX,
            width: 256,
            height: 256,
            ..View::default()
        };
        let short = View { max_iter: 10, ..View::default() };
        let mut pool = Pool::start(1, Intensity::default()).unwrap();
        pool.compute(WorkId(0), 0, workload::KIND, view.encode().into());
        pool.compute(WorkId(1), 1, workload::KIND, view.encode().into());
        pool.compute(WorkId(2), 0, workload::KIND, short.encode().into());
        thread::sleep(std::time::Duration::from_millis(50));
        pool.abandon(WorkId(0));
        pool.abandon(WorkId(1));
        assert_eq!(pool.done().await.work, WorkId(2));
    }
}
