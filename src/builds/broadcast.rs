//! How do a thousand followers of one task cost one reader? A task of this process reads the newest events once into a short
//! ring, for as long as somebody follows; whoever is slower than the ring reads the store by itself and comes back.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::watch;

use super::{queue, story::Stories};
use crate::{
    domain::{
        Clock, TaskId,
        task::{NumberedEvent, TaskEvent, TaskState},
        waiting::Waiting,
    },
    store::{Store, StoreError, notify::Notifications},
};

/// The reader looks by itself this often, should a notification get lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Events kept for followers of one task …
const RING_EVENTS: usize = 2048;
/// … and the bytes of their lines: all that following a task costs, however many follow.
const RING_BYTES: usize = 1 << 20;
/// Events that one follower is handed at once.
const BATCH: usize = 256;

/// An event that all followers of this process share.
#[derive(Debug)]
pub struct SharedEvent {
    /// The event.
    pub numbered: NumberedEvent,
    rendered: Mutex<Vec<(&'static str, Bytes)>>,
}

impl SharedEvent {
    /// An event that nobody has rendered.
    pub fn new(numbered: NumberedEvent) -> Self {
        Self { numbered, rendered: Mutex::default() }
    }

    /// The event as bytes of the form `form`, made once however many ask. What `render` makes must follow from the event and
    /// its task alone; it makes nothing for an event that is not shown.
    pub fn rendered(&self, form: &'static str, render: impl FnOnce(&NumberedEvent) -> Bytes) -> Bytes {
        let mut rendered = lock(&self.rendered);
        if let Some((_, bytes)) = rendered.iter().find(|(name, _)| *name == form) {
            return bytes.clone();
        }
        let bytes = render(&self.numbered);
        rendered.push((form, bytes.clone()));
        bytes
    }

    fn weight(&self) -> usize {
        let text = match &self.numbered.event {
            TaskEvent::Console { line, .. } => line.len(),
            TaskEvent::PhaseStarted { message, .. }
            | TaskEvent::PhaseDone { message, .. }
            | TaskEvent::Warning { message }
            | TaskEvent::Requeued { message }
            | TaskEvent::Report { message, .. } => message.len(),
        };
        text + size_of::<Self>()
    }
}

/// What a follower finds in the ring.
#[derive(Debug)]
pub(super) enum Found {
    /// The next events.
    Events(Vec<Arc<SharedEvent>>),
    /// They were there, but are not any more: read the store.
    Missed,
    /// Nothing new; the task waits, and for how long.
    Nothing(Option<Arc<Waiting>>),
    /// The task is over or gone, and everything was told.
    Over,
}

/// The newest events of one task.
#[derive(Debug)]
pub(super) struct Ring {
    state: Mutex<RingState>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct RingState {
    /// Number of the event after the newest one; `None` until the reader has found out.
    next: Option<i64>,
    events: VecDeque<Arc<SharedEvent>>,
    bytes: usize,
    is_over: bool,
    waiting: Option<Arc<Waiting>>,
}

impl Ring {
    fn new() -> Self {
        let state =
            RingState { next: None, events: VecDeque::new(), bytes: 0, is_over: false, waiting: None };
        Self { state: Mutex::new(state), changed: watch::channel(()).0 }
    }

    /// Wakes after every change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What there is after number `last`.
    pub(super) fn after(&self, last: i64) -> Found {
        let state = lock(&self.state);
        let Some(next) = state.next else { return Found::Nothing(None) };
        let wanted = last.saturating_add(1);
        if wanted >= next {
            return if state.is_over { Found::Over } else { Found::Nothing(state.waiting.clone()) };
        }
        let first = next - i64::try_from(state.events.len()).unwrap_or(0);
        let Ok(skip) = usize::try_from(wanted - first) else { return Found::Missed };
        Found::Events(state.events.iter().skip(skip).take(BATCH).cloned().collect())
    }

    fn begin(&self, last: i64) {
        lock(&self.state).next = Some(last + 1);
        self.changed.send_replace(());
    }

    fn push(&self, events: Vec<NumberedEvent>) {
        let mut state = lock(&self.state);
        for numbered in events {
            state.is_over |= matches!(numbered.event, TaskEvent::Report { .. });
            state.next = Some(numbered.number + 1);
            let event = Arc::new(SharedEvent::new(numbered));
            state.bytes += event.weight();
            state.events.push_back(event);
        }
        state.waiting = None;
        while state.events.len() > RING_EVENTS || (state.bytes > RING_BYTES && state.events.len() > 1) {
            if let Some(oldest) = state.events.pop_front() {
                state.bytes -= oldest.weight();
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    fn wait(&self, waiting: Option<Waiting>) {
        let mut state = lock(&self.state);
        if state.waiting.as_deref() != waiting.as_ref() {
            state.waiting = waiting.map(Arc::new);
            drop(state);
            self.changed.send_replace(());
        }
    }

    fn end(&self) {
        let mut state = lock(&self.state);
        state.is_over = true;
        state.next.get_or_insert(1);
        drop(state);
        self.changed.send_replace(());
    }
}

/// The rings of this process.
#[derive(Debug)]
pub(super) struct Broadcast {
    store: Store,
    stories: Stories,
    notifications: Notifications,
    clock: Arc<dyn Clock>,
    rings: Mutex<HashMap<TaskId, Weak<Ring>>>,
}

impl Broadcast {
    pub(super) fn new(
        store: Store,
        stories: Stories,
        notifications: Notifications,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, stories, notifications, clock, rings: Mutex::default() }
    }

    /// The ring of a task, with a reader behind it for as long as somebody holds it.
    pub(super) fn join(self: &Arc<Self>, task: TaskId) -> Arc<Ring> {
        let mut rings = lock(&self.rings);
        if let Some(ring) = rings.get(&task).and_then(Weak::upgrade) {
            return ring;
        }
        rings.retain(|_, ring| ring.strong_count() > 0);
        let ring = Arc::new(Ring::new());
        rings.insert(task, Arc::downgrade(&ring));
        tokio::spawn(Arc::clone(self).fill(task, Arc::downgrade(&ring)));
        ring
    }

    /// Reads for a ring until the task is over or nobody holds the ring any more. While the database does not answer it
    /// waits, and goes on where it was; a connection is held only while reading.
    async fn fill(self: Arc<Self>, task: TaskId, ring: Weak<Ring>) {
        let mut last = None;
        let mut is_quiet = false;
        // Interest first, then reading: what happens in between wakes us.
        let mut news = self.notifications.follow(task).await;
        while let Some(ring) = ring.upgrade() {
            match self.look(task, &ring, &mut last, is_quiet).await {
                Ok(Looked::Over) => return,
                Ok(Looked::More) => continue,
                Ok(Looked::Nothing) => {}
                Err(error) => {
                    tracing::warn!(task.id = %task, %error, "cannot read a task's events; trying again");
                }
            }
            drop(ring);
            is_quiet = tokio::time::timeout(LOOK_EVERY, news.changed()).await.is_err();
        }
    }

    async fn look(
        &self,
        task: TaskId,
        ring: &Ring,
        last: &mut Option<i64>,
        is_quiet: bool,
    ) -> Result<Looked, crate::error::Error> {
        let Some(known) = *last else {
            // Those who come for what was before read it by themselves.
            let found = self.stories.find(task).await?;
            let newest = found.as_ref().map_or(0, |found| found.last_event);
            *last = Some(newest);
            ring.begin(newest);
            return Ok(settle(ring, found.map(|found| found.state), newest, newest));
        };
        let events = self.stories.read(task, known).await?;
        if let Some(newest) = events.last().map(|event| event.number) {
            *last = Some(newest);
            let is_over = events.iter().any(|event| matches!(event.event, TaskEvent::Report { .. }));
            ring.push(events);
            return Ok(if is_over { Looked::Over } else { Looked::More });
        }
        if !is_quiet {
            return Ok(Looked::Nothing);
        }
        let found = self.stories.find(task).await?;
        if found.as_ref().is_some_and(|found| found.state == TaskState::Pending) {
            ring.wait(self.waiting(task).await?);
        }
        let newest = found.as_ref().map_or(known, |found| found.last_event);
        Ok(settle(ring, found.map(|found| found.state), newest, known))
    }

    async fn waiting(&self, task: TaskId) -> Result<Option<Waiting>, StoreError> {
        let mut connection = self.store.read().await?;
        queue::waiting(&mut connection, task, self.clock.now()).await
    }
}

/// Ends the ring of a task that is gone, or over with everything told.
fn settle(ring: &Ring, state: Option<TaskState>, newest: i64, told: i64) -> Looked {
    if state.is_none_or(|state| state.is_final() && newest <= told) {
        ring.end();
        return Looked::Over;
    }
    Looked::Nothing
}

enum Looked {
    More,
    Nothing,
    Over,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
