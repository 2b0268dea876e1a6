//! A virtual user: what it knows, its connections, and when it has to go.

use std::sync::Arc;
use std::time::Instant;

use super::timer::Timer;
use super::{Base, Prepared};
use crate::http::request::Outgoing;
use crate::http::{Jar, Origin, UserConnections};
use crate::scenario::model::Scenario;
use crate::template::{Scope, Slot};

#[derive(Debug)]
pub(super) struct User {
    pub(super) scope: Box<Scope>,
    pub(super) connections: UserConnections<Timer>,
    /// Its cookies, from the first one on.
    pub(super) jar: Option<Box<Jar>>,
    /// The number of its scenario.
    pub(super) scenario: u16,
    /// When the next step is due: where the one before it ended, think time as nominal.
    pub(super) cursor: Instant,
    /// From then on it begins no iteration, no further round of a loop, and skips its think time.
    pub(super) retire_at: Option<Instant>,
    /// Whether anything since the iteration began gave others a turn.
    pub(super) waited: bool,
    /// What `vars`, `setup` and `on_start` left.
    base: Base,
}

impl User {
    pub(super) fn new(prepared: &Prepared, timer: &Timer, scenario: u16, base: &Base) -> Self {
        let ready = &prepared.scenarios[usize::from(scenario)];
        let mut scope =
            Scope::new(prepared.shared.clone(), ready.name.clone(), scenario, ready.slots.clone());
        scope.set_all(base);
        User {
            scope,
            connections: UserConnections::with_clock(Arc::clone(&ready.network), timer.clone()),
            jar: None,
            scenario,
            cursor: Instant::now(),
            retire_at: None,
            waited: false,
            base: base.clone(),
        }
    }

    /// Makes a new user of one who is done: another number, the same connections, no cookies.
    pub(super) fn become_user(&mut self, id: u64, base: &Base) {
        self.scope.user_id = id;
        self.jar = None;
        self.scope.set_all(base);
        self.base = base.clone();
    }

    /// Keeps what the answer to a request set.
    pub(super) fn keep_cookies(&mut self, origin: &Origin, outgoing: &Outgoing) {
        let now = Instant::now();
        let set = self.scope.response().headers().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let jar = self.jar.get_or_insert_default();
        set.for_each(|(_, value)| jar.keep(value, origin, outgoing.path(), now));
    }

    /// What `on_start` left is what every iteration begins with.
    pub(super) fn keep_as_base(&mut self) {
        self.base = self.scope.slots().into();
    }

    /// Begins an iteration that was due at `due`.
    pub(super) fn begin_iteration(&mut self, scenario: &Scenario, due: Instant) {
        self.scope.begin_iteration(self.scope.iteration + 1);
        for slot in &scenario.flow_slots {
            let value = self.base.get(slot.index()).cloned().flatten();
            self.scope.set(*slot, value);
        }
        self.cursor = due;
        self.waited = false;
    }

    /// Whether every slot has a value.
    pub(super) fn has_all(&self, needs: &[Slot]) -> bool {
        needs.iter().all(|slot| self.scope.get(*slot).is_some())
    }
}
