//! Threads that compute tasks, so that the driver's loop never does.
//!
//! The node hands out no more than the slots it was given, which are the threads here, so the queue
//! is empty but for moments of overlap. A task that panics is a failed task. Audits have a thread of
//! their own: they are short, and others wait for them.

mod specs;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use bytes::Bytes;
use fractal::Engine;
use node::{AuditId, AuditOrder, Failure, Verdict, WorkId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::pace::{Intensity, Pace};
use crate::workload::{self, Compute};

use specs::Specs;

/// Threads at most: what a node uses.
pub const THREADS_MAX: u16 = node::SLOTS_MAX;

/// A computation that ended.
#[derive(Debug)]
pub struct Done {
    /// Which.
    pub work: WorkId,
    /// The payload, or why there is none.
    pub outcome: Result<Bytes, Failure>,
}

/// What ended.
#[derive(Debug)]
pub enum Ended {
    /// A computation.
    Computed(Done),
    /// An audit, with what it showed.
    Audited(AuditId, Verdict),
}

struct Job {
    work: WorkId,
    task: u32,
    kind: u16,
    params: Bytes,
    is_wanted: Arc<AtomicBool>,
}

/// The threads. They end when the pool is dropped.
#[derive(Debug)]
pub struct Pool {
    jobs: mpsc::Sender<Job>,
    /// Unbounded by type, bounded by the jobs that were handed in: one message each.
    done: UnboundedReceiver<Done>,
    under_way: BTreeMap<WorkId, Arc<AtomicBool>>,
    audits: mpsc::Sender<AuditOrder>,
    /// Bounded by the audits that were handed in.
    audited: UnboundedReceiver<(AuditId, Verdict)>,
}

impl Pool {
    /// `threads` threads at low priority, each computing for a share of its time.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(threads: u16, intensity: Intensity) -> std::io::Result<Self> {
        Pool::start_with(threads, intensity, workload::compute)
    }

    pub(crate) fn start_with(
        threads: u16,
        intensity: Intensity,
        compute: Compute,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let (sender, done) = unbounded_channel();
        let queue = Arc::new(Mutex::new(queue));
        let specs = Arc::new(Specs::default());
        for at in 0..threads.clamp(1, THREADS_MAX) {
            let (queue, sender) = (Arc::clone(&queue), sender.clone());
            let specs = Arc::clone(&specs);
            thread::Builder::new()
                .name(format!("tile-{at}"))
                .spawn(move || run(&queue, &specs, &sender, intensity, compute))?;
        }
        let (audits, orders) = mpsc::channel();
        let (sender, audited) = unbounded_channel();
        thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || run_audits(&orders, &specs, &sender))?;
        Ok(Pool { jobs, done, under_way: BTreeMap::new(), audits, audited })
    }

    /// Audits a result; [`Pool::ended`] tells the verdict.
    pub fn audit(&mut self, order: AuditOrder) {
        self.audits.send(order).expect("the thread lives as long as the pool");
    }

    /// Waits for the next computation or audit to end. Cancel-safe.
    pub async fn ended(&mut self) -> Ended {
        loop {
            tokio::select! {
                done = self.done.recv() => {
                    let done = done.expect("the threads live as long as the pool");
                    if self.under_way.remove(&done.work).is_some() {
                        return Ended::Computed(done);
                    }
                }
                audited = self.audited.recv() => {
                    let (audit, verdict) = audited.expect("the thread lives as long as the pool");
                    return Ended::Audited(audit, verdict);
                }
            }
        }
    }

    /// Computes a task; [`Pool::done`] tells the outcome, unless it was abandoned.
    pub fn compute(&mut self, work: WorkId, task: u32, kind: u16, params: Bytes) {
        let is_wanted = Arc::new(AtomicBool::new(true));
        self.under_way.insert(work, Arc::clone(&is_wanted));
        let job = Job { work, task, kind, params, is_wanted };
        self.jobs.send(job).expect("the threads live as long as the pool");
    }

    /// Stops a computation within some 10 ms.
    pub fn abandon(&mut self, work: WorkId) {
        if let Some(is_wanted) = self.under_way.remove(&work) {
            is_wanted.store(false, Ordering::Relaxed);
        }
    }

    /// Waits for the next computation to end, where nothing is audited.
    pub async fn done(&mut self) -> Done {
        loop {
            if let Ended::Computed(done) = self.ended().await {
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
    compute: Compute,
) {
    be_nice();
    let mut pace = Pace::start(intensity);
    let engine = simd::best();
    loop {
        let next = queue.lock().expect("nobody panics while waiting").recv();
        let Ok(job) = next else { return };
        pace.begin();
        let work = || work(engine, &job, specs, &mut pace, compute);
        let result = catch_unwind(AssertUnwindSafe(work));
        let outcome =
            result.unwrap_or_else(|_| Err(Failure::Failed("the computation panicked".into())));
        if sender.send(Done { work: job.work, outcome }).is_err() {
            return;
        }
        // A dear tile has rested on the way; a cheap one rests here, when its result is gone.
        pace.rest(|| job.is_wanted.load(Ordering::Relaxed));
    }
}

fn run_audits(
    orders: &mpsc::Receiver<AuditOrder>,
    specs: &Specs,
    sender: &UnboundedSender<(AuditId, Verdict)>,
) {
    be_nice();
    let engine = simd::best();
    while let Ok(order) = orders.recv() {
        let spec = specs.of(order.kind, &order.params, order.task);
        let look = |(spec, tile)| {
            let look = AssertUnwindSafe(|| workload::audit(engine, &spec, tile, &order));
            // Bytes of which the audit panics are no tile.
            catch_unwind(look).unwrap_or(Verdict::Unsound)
        };
        let verdict = spec.map_or(Verdict::Stopped, look);
        if sender.send((order.audit, verdict)).is_err() {
            return;
        }
    }
}

fn work(
    engine: &'static dyn Engine,
    job: &Job,
    specs: &Specs,
    pace: &mut Pace,
    compute: Compute,
) -> Result<Bytes, Failure> {
    let is_wanted = || job.is_wanted.load(Ordering::Relaxed);
    if !is_wanted() {
        return Err(Failure::Stopped);
    }
    let (spec, tile) = specs.of(job.kind, &job.params, job.task).map_err(Failure::Failed)?;
    let mut goes_on = || {
        pace.rest(is_wanted);
        is_wanted()
    };
    match compute(engine, &spec, tile, &mut goes_on) {
        Ok(Some(payload)) => Ok(Bytes::from(payload)),
        Ok(None) => Err(Failure::Stopped),
        Err(reason) => Err(Failure::Failed(reason)),
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
    use fractal::{KIND, View, decode_tile};

    #[tokio::test]
    async fn a_task_becomes_a_tile() {
        let view = View { width: 300, height: 20, max_iter: 100, ..View::default() };
        let mut pool = Pool::start(2, Intensity::default()).unwrap();
        for task in 0..2 {
            pool.compute(WorkId(task.into()), task, KIND, view.encode().into());
        }
        pool.compute(WorkId(2), 2, KIND, view.encode().into());
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

    #[tokio::test]
    async fn audits_tell_right_from_wrong() {
        let view = View { width: 300, height: 20, max_iter: 100, ..View::default() };
        let mut pool = Pool::start(1, Intensity::default()).unwrap();
        let params = Bytes::from(view.encode());
        pool.compute(WorkId(0), 0, KIND, params.clone());
        let payload = pool.done().await.outcome.unwrap();
        let expected = [(0, Verdict::Sound), (1, Verdict::Unsound)];
        for (task, verdict) in expected {
            let audit = AuditId(task.into());
            let (kind, params, payload) = (KIND, params.clone(), payload.clone());
            let job = node::JobId::ZERO;
            pool.audit(AuditOrder { audit, job, task, kind, params, payload, seed: 7, places: 99 });
            let ended = pool.ended().await;
            assert!(
                matches!(ended, Ended::Audited(a, v) if (a, v) == (audit, verdict)),
                "{ended:?}"
            );
        }
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
        pool.compute(WorkId(0), 0, KIND, view.encode().into());
        pool.compute(WorkId(1), 1, KIND, view.encode().into());
        pool.compute(WorkId(2), 0, KIND, short.encode().into());
        thread::sleep(std::time::Duration::from_millis(50));
        pool.abandon(WorkId(0));
        pool.abandon(WorkId(1));
        assert_eq!(pool.done().await.work, WorkId(2));
    }
}
